import { describe, expect, it, vi } from 'vitest';
import { createCounterTable } from './counter-table.ts';
import { createFloodGuard, floodWindowMs, type FloodBinding } from './flood-guard.ts';
import { floodNameOf, floodNameOfPeer } from './flood-name.ts';

const addressOf = (number: number): string => `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;

describe('the table of counters', () => {
  it('stays right about one address while 50,000 others come, without growing', () => {
    const table = createCounterTable(floodWindowMs, 7);
    for (let request = 0; request < 100; request += 1) table.count('192.0.2.1', 0);
    let highest = 0;
    for (let number = 0; number < 50_000; number += 1) highest = Math.max(highest, table.count(addressOf(number), 0));
    const count = table.count('192.0.2.1', 0);
    expect(count).toBeGreaterThanOrEqual(101);
    expect(count).toBeLessThan(120);
    // Only a name that collides with the loud one in both rows could be taken for it.
    expect(highest).toBeLessThan(20);
  });

  it('begins anew with every window', () => {
    const table = createCounterTable(floodWindowMs, 7);
    table.count('192.0.2.1', 0);
    expect(table.count('192.0.2.1', floodWindowMs - 1)).toBe(2);
    expect(table.count('192.0.2.1', floodWindowMs)).toBe(1);
  });
});

describe('the guard against floods', () => {
  it('refuses beyond the limit without a binding, and only the one that floods', () => {
    const guard = createFloodGuard({ limit: 100, binding: undefined, seed: 7, now: () => 0 });
    const loud = Array.from({ length: 150 }, () => guard.isFlooding('192.0.2.1'));
    expect(loud.filter((refused) => refused === true)).toHaveLength(50);
    expect(guard.isFlooding('192.0.2.2')).toBe(false);
  });

  it('asks the binding about loud names only', async () => {
    const limit = vi.fn<FloodBinding['limit']>(async () => ({ success: false }));
    const guard = createFloodGuard({ limit: 160, binding: { limit }, seed: 7, now: () => 0 });
    for (let request = 0; request < 10; request += 1) expect(guard.isFlooding('192.0.2.1')).toBe(false);
    expect(limit).not.toHaveBeenCalled();
    expect(await guard.isFlooding('192.0.2.1')).toBe(true);
    expect(limit).toHaveBeenCalledWith({ key: '192.0.2.1' });
  });

  it('goes on by its own count when the binding fails', async () => {
    const binding = {
      limit: async () => {
        throw new Error('the binding is away');
      },
    };
    const guard = createFloodGuard({ limit: 16, binding, seed: 7, now: () => 0 });
    const results = [];
    for (let request = 0; request < 20; request += 1) results.push(await guard.isFlooding('192.0.2.1'));
    expect(results.filter(Boolean)).toHaveLength(4);
  });
});

describe('the name an address is counted under', () => {
  it('is one for all addresses of an IPv6 network, and one for each of IPv4', () => {
    expect(floodNameOf('2001:db8:1:2:aaaa::1')).toBe(floodNameOf('2001:db8:1:2:bbbb::2'));
    expect(floodNameOf('2001:db8:1:3::1')).not.toBe(floodNameOf('2001:db8:1:2::1'));
    expect(floodNameOf('192.0.2.1')).not.toBe(floodNameOf('192.0.2.2'));
    expect(floodNameOf('::ffff:192.0.2.1')).toBe('192.0.2.1');
  });

  it('is shared by all whose trusted header is missing or unreadable', () => {
    expect(floodNameOf(null)).toBe('unknown');
    expect(floodNameOf('a:b')).toBe('unknown');
  });

  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.9.9',
    '192.168.1.1',
    '169.254.0.1',
    '::1',
    'fe80::1',
    'fd00::1',
  ])('does not exist for the peer %s, behind which anybody may stand', (peer) => {
    expect(floodNameOfPeer(peer)).toBeNull();
  });

  it.each(['172.32.0.1', '11.0.0.1', '192.169.0.1', '2001:db8::1'])('exists for the public peer %s', (peer) => {
    expect(floodNameOfPeer(peer)).not.toBeNull();
  });
});
