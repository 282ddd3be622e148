import { describe, expect, it } from 'vitest';
import { setMember } from './json-splice.ts';

const set = (json: string, name: string, value: unknown): string =>
  Buffer.from(setMember(Buffer.from(json), name, value)).toString('utf8');
const renamed = (json: string): string => set(json, 'model', 'new');

describe('setting a member that is there', () => {
  it.each([
    [
      'numbers, escapes and spacing',
      String.raw`{ "seed":1.0, "big":12345678901234567890,"model" : "a/b" ,"t":"\u00e9" }`,
    ],
    ['a model inside messages', '{"messages":[{"model":"x","content":"\\"model\\":\\"y\\""}],"model":"a/b"}'],
    ['the word as a value', '{"user":"model","model":"a/b"}'],
    ['text that is not ASCII', '{"user":"ü–𝄞","model":"a/b","x":"ü"}'],
    ['backslashes before a quote', String.raw`{"user":"\\\\","x":"\\\"","model":"a/b"}`],
  ])('leaves %s as it was', (_name, json) => {
    expect(renamed(json)).toBe(json.replace('"a/b"', '"new"'));
  });

  it.each([
    ['a number', '1.50'],
    ['a literal', 'null'],
    ['an object', '{"a":[1,{"b":"}"}],"c":"\\"]"}'],
    ['an array', '[[1],"]",{}]'],
    ['an empty object', '{}'],
  ])('replaces %s and nothing behind it', (_name, value) => {
    expect(set(`{"a":1,"x": ${value} ,"b":[2]}`, 'x', 7)).toBe('{"a":1,"x": 7 ,"b":[2]}');
    expect(set(`{"x":${value}}`, 'x', 7)).toBe('{"x":7}');
  });

  it('finds a key that is spelt with escapes', () => {
    expect(JSON.parse(renamed(String.raw`{"\u006dodel":"a/b","n":1}`))).toEqual({ model: 'new', n: 1 });
  });

  it('writes a value that needs escaping as valid JSON', () => {
    expect(JSON.parse(set('{"model":"a"}', 'model', 'b"c'))).toEqual({ model: 'b"c' });
  });
});

describe('setting a member that is not there', () => {
  it.each([
    ['{"a":1.0}', '{"x":{"y":true},"a":1.0}'],
    [' { "a" : "x" } ', ' {"x":{"y":true}, "a" : "x" } '],
    ['{}', '{"x":{"y":true}}'],
    ['{ }', '{"x":{"y":true} }'],
    ['{"b":{"x":1}}', '{"x":{"y":true},"b":{"x":1}}'],
  ])('puts it first in %s', (json, expected) => {
    expect(set(json, 'x', { y: true })).toBe(expected);
  });
});
