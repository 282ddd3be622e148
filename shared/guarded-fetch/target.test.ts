import { describe, expect, it } from 'vitest';
import { isPublicAddress } from './public-address.ts';
import { redirectOf, Refusal, targetOf, type TargetRules } from './target.ts';

const rules: TargetRules = { isPlainHttpAllowed: true, ports: [80, 443] };
const words = (text: string): string[] => text.split(/\s+/);
const production: TargetRules = { ...rules, isPlainHttpAllowed: false };

describe('a URL of a user', () => {
  it.each([
    ['https://pictures.example.com/a.png?b=%20c#d', 'pictures.example.com', false],
    ['https://Pictures.EXAMPLE.com.:443/', 'pictures.example.com', false],
    ['http://93.184.216.34/a', '93.184.216.34', true],
    ['https://[2606:4700:4700::1111]/', '2606:4700:4700::1111', true],
    ['https://bücher.example/', 'xn--bcher-kva.example', false],
    // A Cyrillic look-alike is another name, and is asked for as such.
    ['https://аpple.com/', 'xn--pple-43d.com', false],
  ])('%s is of %s', (text, host, isAddress) => {
    expect(targetOf(text, rules)).toMatchObject({ host, isAddress });
  });

  it.each([
    '',
    'a',
    '/a',
    '//example.com/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'data:image/png;base64,AA==',
    'gopher://example.com/',
    'javascript:1',
    'https://',
    'https:///',
    'unix:/run/x',
    'blob:https://example.com/1',
    'https://u@example.com/',
    'https://u:p@example.com/',
    'https://:p@example.com/',
    'https://1.1.1.1@10.0.0.1/',
    'https://example.com:22/',
    'https://example.com:8080/',
    'https://example.com:0/',
    'https://example.com:99999/',
    'https://example.com\\@10.0.0.1/',
    'https:\\\\example.com/',
    'https://exa\tmple.com/',
    'https://example.com/\n',
    'https://example.com/ a',
    ' https://example.com/',
    'https://exa mple.com/',
    'https://example.com/\0',
    'https://.../',
    'https://a..example.com/',
    'https://.example.com/',
    'https://example.com../',
    'https://[fe80::1%25eth0]/',
    'https://[::1',
    'https://[1.1.1.1]/',
    `https://example.com/${'a'.repeat(8_192)}`,
  ])('is refused as %j', (text) => {
    expect(() => targetOf(text, rules)).toThrow(expect.objectContaining({ name: 'Refusal' }));
  });

  it.each(
    words(`localhost LOCALHOST localhost. a.localhost localhost.localdomain ｌｏｃａｌｈｏｓｔ loc%61lhost postgres chat
      metadata com com. printer.local metadata.google.internal chat.internal gaia-chat.internal.
      a.b.INTERNAL gaia.flycast a.lan a.home.arpa 1.0.0.127.in-addr.arpa x.onion`),
  )('is refused where it names %s', (host) => {
    expect(() => targetOf(`https://${host}/`, rules)).toThrow(expect.objectContaining({ name: 'Refusal' }));
  });

  it.each(
    words(`2130706433 0x7f000001 0x7F.0.0.1 0177.0.0.1 017700000001 127.1 127.0.1 0 00.0.0.0 127.0.0.1. 0x7f.1
      %31%32%37.0.0.1 ①②⑦.0.0.1 127。0。0。1 １２７.0.0.1 0000127.0.0.1 0x.0.0.1 134744072 0x08080808 010.8.8.8
      8.8.2056 8.526344`),
  )('is refused where it spells an address as %s, public or not', (host) => {
    expect(() => targetOf(`http://${host}/`, rules)).toThrow(expect.objectContaining({ name: 'Refusal' }));
  });

  it('is https and nothing else in production', () => {
    expect(() => targetOf('http://example.com/', production)).toThrow('scheme');
    expect(targetOf('https://example.com/', production).host).toBe('example.com');
  });
});

describe('a redirect', () => {
  const from = new URL('https://example.com/a/b');

  it.each([
    ['c', 'https://example.com/a/c'],
    ['/c', 'https://example.com/c'],
    ['//cdn.example.net/c', 'https://cdn.example.net/c'],
    ['https://cdn.example.net/c', 'https://cdn.example.net/c'],
  ])('to %s goes to %s', (location, href) => {
    expect(redirectOf(from, location, rules).url.href).toBe(href);
  });

  it.each(
    words(`http://example.com/ http://cdn.example.net/ file:///etc/passwd https://localhost/ //postgres/
      https://u:p@example.com/ https://example.com:22/ //metadata.google.internal/ https://[`),
  )('to %s is refused', (location) => {
    expect(() => redirectOf(from, location, rules)).toThrow(expect.objectContaining({ name: 'Refusal' }));
  });
});

describe('any spelling of an address that is not public', () => {
  it('is refused by its text or leads to that very address, which is then refused', () => {
    const random = randomFrom(20_261_121);
    const refused = { byText: 0, byAddress: 0 };
    for (let turn = 0; turn < 20_000; turn += 1) {
      const text = `http://${disguised(random)}/`;
      const host = hostOrRefusal(text);
      expect([text, host !== null && isPublicAddress(host)]).toEqual([text, false]);
      if (host === null) refused.byText += 1;
      else refused.byAddress += 1;
    }
    expect(refused.byText).toBeGreaterThan(2_000);
    expect(refused.byAddress).toBeGreaterThan(2_000);
  });
});

/** Null where the text is refused. A name in place of an address would be neither. */
function hostOrRefusal(text: string): string | null {
  try {
    const { host, isAddress } = targetOf(text, rules);
    return isAddress ? host : '8.8.8.8';
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

type Random = (below: number) => number;

/** The same row of numbers on every run, so that a failure can be looked at. */
function randomFrom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const firstBytes = [0, 10, 127, 224, 240, 255] as const;

function disguised(random: Random): string {
  const bytes = [firstBytes[random(firstBytes.length)] ?? 10, random(256), random(256), random(256)];
  return random(2) === 0 ? spelled4(bytes, random) : spelled6(bytes, random);
}

/** One to four parts, each decimal, octal or hex with any number of zeros, as inet_aton and browsers read them. */
function spelled4(bytes: readonly number[], random: Random): string {
  const count = 1 + random(4);
  const last = bytes.slice(count - 1).reduce((value, byte) => value * 256 + byte, 0);
  const parts = [...bytes.slice(0, count - 1), last].map((value) => {
    const zeros = '0'.repeat(random(4));
    const digits = [`${value}`, `0${zeros}${value.toString(8)}`, `0x${zeros}${value.toString(16)}`][random(3)] ?? '';
    return random(2) === 0 ? digits.toUpperCase().replace('0X', '0x') : digits;
  });
  const dot = ['.', '.', '.', '。', '．', '%2e'][random(6)] ?? '.';
  return `${parts.join(dot)}${random(8) === 0 ? '.' : ''}`;
}

/** Mapped, compatible, translated, 6to4, NAT64, Teredo, and the plain families, with a zone now and then. */
function spelled6(bytes: readonly number[], random: Random): string {
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  const tail = random(2) === 0 ? hex : `${a}.${b}.${c}.${d}`;
  const shapes = [
    `::${tail}`,
    `::ffff:${tail}`,
    `0:0:0:0:0:FFFF:${tail}`,
    `::ffff:0:${tail}`,
    `64:ff9b::${tail}`,
    `64:ff9b:1::${tail}`,
    `2002:${hex}::1`,
    `2001::${tail}`,
    `fe8${random(10)}::${tail}`,
    `fd${random(10)}${random(10)}::${tail}`,
    `fec0::${tail}`,
    `ff02::${tail}`,
  ];
  return `[${shapes[random(shapes.length)] ?? '::1'}${random(8) === 0 ? '%25eth0' : ''}]`;
}
