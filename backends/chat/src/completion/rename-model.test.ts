import { describe, expect, it } from 'vitest';
import { renameModel } from './rename-model.ts';

const renamed = (json: string): string => Buffer.from(renameModel(Buffer.from(json), 'new')).toString('utf8');

describe('renaming the model', () => {
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

  it('finds a key that is spelt with escapes', () => {
    expect(JSON.parse(renamed(String.raw`{"\u006dodel":"a/b","n":1}`))).toEqual({ model: 'new', n: 1 });
  });

  it('writes a name that needs escaping as valid JSON', () => {
    const bytes = renameModel(Buffer.from('{"model":"a"}'), 'b"c');
    expect(JSON.parse(Buffer.from(bytes).toString('utf8'))).toEqual({ model: 'b"c' });
  });
});
