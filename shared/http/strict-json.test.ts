import { describe, expect, it } from 'vitest';
import { parseStrictJson } from './strict-json.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const utf16 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf16le'));

describe('parseStrictJson', () => {
  it.each<[string, unknown]>([
    ['{"a":[1,-2.5e3,true,null,"x"],"b":{"a":1}}', { a: [1, -2500, true, null, 'x'], b: { a: 1 } }],
    ['  [ ]  ', []],
    ['"\\u00e9\\ud83d\\ude00 \\\\ \\" /"', 'é😀 \\ " /'],
    ['{"quote\\"colon\\":":1}', { 'quote"colon":': 1 }],
    ['[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
    ['{"a":"a","b":"a"}', { a: 'a', b: 'a' }],
    ['{"a":["b","b"]}', { a: ['b', 'b'] }],
    ['1e308', 1e308],
    ['null', null],
  ])('reads %s', (text, value) => {
    expect(parseStrictJson(bytes(text))).toEqual(value);
  });

  it.each<[string, Uint8Array]>([
    ['nothing', bytes('')],
    ['white space', bytes('  \n')],
    ['a word', bytes('hello')],
    ['a truncated object', bytes('{"a":')],
    ['a truncated string', bytes('{"a":"b')],
    ['a string that ends in an escape', bytes('"a\\')],
    ['a trailing comma', bytes('{"a":1,}')],
    ['single quotes', bytes("{'a':1}")],
    ['two documents', bytes('{}{}')],
    ['a comment', bytes('{}//x')],
    ['UTF-16', utf16('{"a":1}')],
    ['a byte order mark', bytes('\ufeff{"a":1}')],
    ['invalid UTF-8', new Uint8Array([0x22, 0xc3, 0x28, 0x22])],
    ['an overlong encoding', new Uint8Array([0x22, 0xc0, 0xaf, 0x22])],
    ['a NUL escape', bytes('{"a":"x\\u0000y"}')],
    ['a raw NUL', bytes('{"a":"x\u0000y"}')],
    ['a lone high surrogate', bytes('"\\ud800"')],
    ['a lone low surrogate', bytes('"a\\udc00b"')],
    ['100,000 levels of arrays', bytes('['.repeat(100_000) + ']'.repeat(100_000))],
    ['100,000 levels of objects', bytes('{"a":'.repeat(100_000))],
    ['65 levels', bytes('['.repeat(65) + ']'.repeat(65))],
    ['a duplicate key', bytes('{"a":1,"a":2}')],
    ['a duplicate key spelled with an escape', bytes('{"a":1,"\\u0061":2}')],
    ['a duplicate key with space before its colon', bytes('{"a":1,"a" :2}')],
    ['a duplicate key after a nested object', bytes('{"a":{"b":1},"a":2}')],
    ['__proto__', bytes('{"__proto__":{"admin":true}}')],
    ['an escaped __proto__', bytes('{"\\u005f_proto__":1}')],
    ['1e999', bytes('{"a":1e999}')],
    ['-1e999', bytes('[-1e999]')],
    ['NaN', bytes('NaN')],
    ['a leading zero', bytes('01')],
    ['hexadecimal', bytes('0x10')],
  ])('refuses %s as malformed', (_what, input) => {
    expect(() => parseStrictJson(input)).toThrow(expect.objectContaining({ code: 'malformed_json', status: 400 }));
  });

  it('takes exactly 64 levels', () => {
    expect(() => parseStrictJson(bytes('['.repeat(64) + ']'.repeat(64)))).not.toThrow();
  });

  it('does not slow down on a string of ten million characters', () => {
    const startedAt = performance.now();
    parseStrictJson(bytes(`{"image":"${'A'.repeat(10_000_000)}"}`));
    expect(performance.now() - startedAt).toBeLessThan(500);
  });

  it('does not slow down on a million backslashes', () => {
    const startedAt = performance.now();
    parseStrictJson(bytes(`"${'\\\\'.repeat(500_000)}"`));
    parseStrictJson(bytes(`"${'\\"'.repeat(200_000)}"`));
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});
