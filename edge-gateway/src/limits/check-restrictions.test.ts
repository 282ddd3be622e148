import { describe, expect, it } from 'vitest';
import { checkRestrictions, isAllowedAddress } from './check-restrictions.ts';
import { clientAddress, type AddressedRequest } from './client-address.ts';
import { isInRange, parseIpAddress, parseIpRange } from './ip-address.ts';

const garbage = [
  '',
  ' ',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.256',
  '01.2.3.4',
  '1.2.3.4 ',
  '0x7f.1',
  '2130706433',
  '1.2.3.-4',
  '1..2.3',
  ':',
  ':::',
  '1::2::3',
  '12345::',
  'g::',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::8',
  '::1.2.3',
  '1.2.3.4::',
  '::1%eth0',
  '[::1]',
  'localhost',
  '*',
  '١.٢.٣.٤',
  '1.2.3.4\n',
];

describe('addresses', () => {
  it.each(garbage)('are not read from %j', (text) => {
    expect(parseIpAddress(text)).toBeNull();
    expect(isAllowedAddress(['0.0.0.0/0', '::/0'], text)).toBe(false);
  });

  it.each([
    ['2001:db8::', '2001:DB8:0:0:0:0:0:0'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ])('%s and %s are the same', (one, other) => {
    expect(parseIpAddress(one)).toEqual(parseIpAddress(other));
  });
});

describe('ranges', () => {
  it.each([
    ...garbage,
    '1.2.3.4/33',
    '1.2.3.4/-1',
    '1.2.3.4/',
    '1.2.3.4/8/8',
    '1.2.3.4/08',
    '::/129',
    '/8',
    '1.2.3.4/1e1',
  ])('that read %j allow nobody', (entry) => {
    expect(parseIpRange(entry)).toBeNull();
    expect(isAllowedAddress([entry], '1.2.3.4')).toBe(false);
    expect(isAllowedAddress([entry], '::1')).toBe(false);
  });

  it('contain an address exactly when its first bits are theirs, at every length and for random addresses', () => {
    let checked = 0;
    for (const length of [4, 16]) {
      for (let bits = 0; bits <= length * 8; bits += 1) {
        const base = Array.from(crypto.getRandomValues(new Uint8Array(length)));
        const other = base.map((byte, index) => flipped(byte, index, bits));
        const prefix = (bytes: number[]): string =>
          bytes
            .map((byte) => byte.toString(2).padStart(8, '0'))
            .join('')
            .slice(0, bits);
        const random = Array.from(crypto.getRandomValues(new Uint8Array(length)));
        expect(isInRange(base, { address: base, bits })).toBe(true);
        expect(isInRange(other, { address: base, bits })).toBe(bits === 0);
        expect(isInRange(random, { address: base, bits })).toBe(prefix(random) === prefix(base));
        checked += 1;
      }
    }
    expect(checked).toBe(33 + 129);
  });

  it('tell the families apart, whichever clothes an IPv4 address wears', () => {
    expect(isAllowedAddress(['192.0.2.0/24'], '::ffff:192.0.2.9')).toBe(true);
    expect(isAllowedAddress(['::ffff:192.0.2.0/120'], '192.0.2.9')).toBe(true);
    expect(isAllowedAddress(['::/0'], '192.0.2.9')).toBe(false);
    expect(isAllowedAddress(['0.0.0.0/0'], '2001:db8::1')).toBe(false);
  });
});

describe('a key that is bound to origins', () => {
  const check = (origin: string | null, allowedOrigins: string[] | null = ['https://game.test']): void => {
    const headers = origin === null ? {} : { origin };
    checkRestrictions({ allowedOrigins, allowedIps: null }, new Headers(headers), () => null);
  };

  it('works from exactly those', () => {
    expect(() => check('https://game.test')).not.toThrow();
    expect(() => check('https://evil.test', null)).not.toThrow();
  });

  it.each([
    null,
    '',
    'null',
    'https://evil.test',
    'http://game.test',
    'https://game.test:444',
    'https://game.test.evil.test',
    'https://GAME.test',
  ])('does not work from %j', (origin) => {
    expect(() => check(origin)).toThrow(expect.objectContaining({ code: 'origin_not_allowed', status: 403 }));
  });

  it('works from nowhere when it lists none', () => {
    expect(() => check('https://game.test', [])).toThrow(expect.objectContaining({ code: 'origin_not_allowed' }));
  });
});

describe('a key that is bound to addresses', () => {
  const check = (address: string | null): void => {
    checkRestrictions({ allowedOrigins: null, allowedIps: ['192.0.2.0/24'] }, new Headers(), () => address);
  };

  it('works from exactly those', () => {
    expect(() => check('192.0.2.200')).not.toThrow();
  });

  it.each([null, '', '192.0.3.1', 'unknown'])('does not work from %j', (address) => {
    expect(() => check(address)).toThrow(expect.objectContaining({ code: 'address_not_allowed', status: 403 }));
  });
});

describe("the client's address", () => {
  const request = (headers: Record<string, string>, cf = {}): AddressedRequest => {
    const raw = new Request('http://gateway.test', { headers, cf });
    return { raw, headers: raw.headers };
  };

  it('is never taken from a header that the operator did not name', () => {
    const forged = { 'cf-connecting-ip': '192.0.2.1', 'x-forwarded-for': '192.0.2.1', 'x-real-ip': '192.0.2.1' };
    expect(clientAddress(request(forged), undefined)).toBeNull();
    expect(clientAddress(request(forged), 'x-client-address')).toBeNull();
  });

  it('is the last entry of a trusted list, whatever the client put before it', () => {
    expect(clientAddress(request({ 'x-forwarded-for': '1.1.1.1, 192.0.2.7' }), 'x-forwarded-for')).toBe('192.0.2.7');
    expect(clientAddress(request({ 'x-real-ip': '::ffff:192.0.2.7' }), 'x-real-ip')).toBe('192.0.2.7');
  });

  it.each([
    ['192.0.2.7:51234', '192.0.2.7'],
    ['[2001:db8::7]:51234', '2001:db8::7'],
    ['[::ffff:10.0.0.7]:51234', '10.0.0.7'],
  ])('is the peer %s of the connection on plain workerd', (clientIp, address) => {
    expect(clientAddress(request({}, { clientIp }), undefined)).toBe(address);
  });
});

/** The byte with the last bit before position `bits` inverted, or the address as it is where there is none. */
function flipped(byte: number, index: number, bits: number): number {
  const last = bits - 1;
  return last >> 3 === index ? byte ^ (0x80 >> (last & 7)) : byte;
}
