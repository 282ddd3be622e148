import { describe, expect, it } from 'vitest';
import { createAttemptCounter, networkOf, takeAttempt, type Counting } from './attempts.ts';

describe('an attempt counter', () => {
  it('lets a burst through, then says when the next is allowed, and keeps to it', () => {
    let now = 1_000_000;
    const counter = createAttemptCounter({ attempts: 3, windowSeconds: 30 }, () => now);
    expect([1, 2, 3, 4].map(() => counter.take('a'))).toEqual([null, null, null, 10]);
    expect(counter.take('b')).toBeNull();
    now += 9_000;
    expect(counter.take('a')).toBe(1);
    now += 1_000;
    expect([counter.take('a'), counter.take('a')]).toEqual([null, 10]);
  });

  it('forgets what was given back', () => {
    const counter = createAttemptCounter({ attempts: 1, windowSeconds: 60 }, () => 0);
    for (let turn = 0; turn < 10; turn++) {
      expect(counter.take('a')).toBeNull();
      counter.refund('a');
    }
  });

  it('holds no more names than it has room for', () => {
    const counter = createAttemptCounter({ attempts: 1, windowSeconds: 60 }, () => 0);
    for (let name = 0; name <= 50_000; name++) counter.take(String(name));
    expect([counter.take('50000'), counter.take('0')]).toEqual([60, null]);
  });
});

describe('an attempt that counts in several places', () => {
  it('counts in none of them when one refuses it', async () => {
    const wide = createAttemptCounter({ attempts: 2, windowSeconds: 60 }, () => 0);
    const tight = createAttemptCounter({ attempts: 1, windowSeconds: 60 }, () => 0);
    const counting: Counting[] = [
      [wide, 'w', 'wide'],
      [tight, 't', 'tight'],
    ];
    await takeAttempt({ counting: [...counting, [tight, null, 'tight']], shared: null });
    for (let turn = 0; turn < 5; turn++) {
      await expect(takeAttempt({ counting, shared: null })).rejects.toThrow('Too many attempts');
    }
    expect(wide.take('w')).toBeNull();
  });
});

describe('the network of an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0DB8:1:2::1', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['nonsense', 'nonsense'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
