import { afterEach, describe, expect, it } from 'vitest';
import {
  speaking,
  startUnderTest,
  streaming,
  type Spoken,
  type UnderTest,
  type UnderTestOptions,
} from '../../../../tests/support/providers-under-test.ts';
import type { VendorScript } from '../../../../tests/support/vendor-script.ts';

const open: UnderTest[] = [];
afterEach(async () => {
  for (const test of open.splice(0)) await test.close();
});

async function start(spoken: Spoken, options?: UnderTestOptions): Promise<UnderTest> {
  const test = await startUnderTest(spoken, options);
  open.push(test);
  return test;
}

const weather = { id: 'call_1', name: 'get_weather', arguments: { city: 'Århus' } };

describe.each(speaking)('$name: a whole answer', (spoken) => {
  it('passes through as bytes, both ways, with our key and none of the caller’s', async () => {
    const { vendor, provider, call, direct } = await start(spoken);
    const expected = await direct();
    const sent = call();
    const stolen = { authorization: 'Bearer stolen', 'x-api-key': 'stolen', cookie: 'a=b', 'user-agent': 'theirs' };
    expect(await provider.complete({ ...sent, headers: stolen })).toEqual(expected);
    const { bytes, path, headers } = await vendor.received(2);
    expect(bytes).toEqual(sent.body);
    expect(path).toBe(spoken.path);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'accept-encoding': 'identity',
      'user-agent': 'gaia',
    });
    expect(JSON.stringify(headers)).toContain(vendor.apiKey);
    expect(JSON.stringify(headers)).not.toMatch(/stolen|a=b|theirs/);
  });

  it('is understood when the vendor compresses it, asked to or not', async () => {
    const { vendor, provider, call, direct } = await start(spoken);
    const expected = await direct();
    vendor.next({ encoding: 'gzip' });
    expect(await provider.complete(call())).toEqual(expected);
  });

  it('may begin and end with any number of spaces', async () => {
    const { vendor, provider, call } = await start(spoken);
    const body = `${' \n'.repeat(500)}{"a":1}${'\r\n'.repeat(500)}`;
    vendor.next({ body });
    expect(String(await provider.complete(call()))).toBe(body);
  });

  it.each<[string, VendorScript]>([
    ['garbage', { body: 'garbage' }],
    ['an array', { body: [1] }],
    ['half an object', { body: '{"a":[' }],
    ['nothing', { body: '' }],
    ['a page of HTML', { body: '<html>{}</html>', headers: { 'content-type': 'text/html' } }],
    ['an unknown encoding', { body: {}, headers: { 'content-encoding': 'pied-piper' } }],
    ['broken compression', { body: 'not gzip', headers: { 'content-encoding': 'br' } }],
    ['headers of 20 kB', { headers: { 'x-huge': 'x'.repeat(20_000) } }],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }],
  ])('that is %s is a failure of the provider', async (_name, script) => {
    const { vendor, provider, call } = await start(spoken);
    vendor.next(script);
    const error: unknown = await provider.complete(call()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'AppError', code: 'upstream_failed' });
    expect(error).not.toHaveProperty('message', expect.stringMatching(/html|garbage|x{20}/));
  });

  it('waits for a slow first byte', async () => {
    const { vendor, provider, call } = await start(spoken);
    const gate = Promise.withResolvers<void>();
    vendor.next({ before: gate.promise });
    const answer = provider.complete(call());
    await vendor.received(1);
    gate.resolve();
    expect(JSON.parse(Buffer.from(await answer).toString())).toBeTypeOf('object');
  });
});

describe.each(streaming)('$name: content', (spoken) => {
  it.each<[string, VendorScript]>([
    ['text', { text: ['Grüße ', '👋🏽', ' 日本'] }],
    ['tools', { text: ['Let me see.'], toolCalls: [weather] }],
    ['a limit', { finish: 'length' }],
    ['empty choices', { empty: true }],
    ['no usage', { usage: 'none' }],
  ])('passes with %s as the vendor made it', async (_name, script) => {
    const { vendor, provider, call, direct } = await start(spoken);
    vendor.always(script);
    expect(await provider.complete(call())).toEqual(await direct());
  });

  it('asks with images as the caller wrote them', async () => {
    const { vendor, provider, call } = await start(spoken);
    const sent = call('vision' in spoken ? spoken.vision : {});
    await provider.complete(sent);
    const { bytes } = await vendor.received(1);
    expect(bytes).toEqual(sent.body);
    expect(bytes.toString()).toContain('https://images.test/cat.png');
  });
});

const onePerKind = streaming.filter(({ protocol }) => protocol !== 'responses');

describe.each(onePerKind)('$name: too much', (spoken) => {
  it('is refused past 64 MiB, and the vendor is hung up on', async () => {
    const { vendor, provider, call } = await start(spoken);
    vendor.next({ body: `{"a":"${'x'.repeat(65 * 1024 * 1024)}"}` });
    const error: unknown = await provider.complete(call()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'upstream_failed', message: 'The provider sent an answer too large' });
    await expect.poll(vendor.connections).toBe(0);
  });
});
