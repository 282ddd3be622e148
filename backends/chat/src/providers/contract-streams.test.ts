import type { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import {
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

type Read = { bytes: Buffer; chunks: number; error: unknown };

/** All that comes, and how it ends. */
async function readAll(stream: Readable): Promise<Read> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const error = await new Promise<unknown>((resolve) => {
    stream
      .once('end', () => resolve(null))
      .once('error', resolve)
      .once('close', () => resolve('closed'));
  });
  return { bytes: Buffer.concat(chunks), chunks: chunks.length, error };
}

const fields = { stream: true };
const text = ['Grüße ', '👋🏽', ' 日本'];
const weather = { id: 'call_1', name: 'get_weather', arguments: { city: 'Århus' } };

describe.each(streaming)('$name: a stream', (spoken) => {
  it.each<[string, VendorScript]>([
    ['text', { text }],
    ['tools', { toolCalls: [weather] }],
    ['comments', { text, wire: { comments: true } }],
    ['CRLF', { text, wire: { lineEnd: '\r\n' } }],
    ['CR', { text, wire: { lineEnd: '\r' } }],
    ['everything in one chunk', { text, wire: { chunks: 'whole' } }],
    ['every byte in a chunk of its own', { text, wire: { chunks: 'byte', lineEnd: '\r\n', comments: true } }],
    ['no choices', { empty: true }],
    ['no usage', { usage: 'none' }],
    ['an end without its last event', { text, breakAfter: { events: 2, with: 'end' } }],
    ['garbage', { text, breakAfter: { events: 2, with: 'garbage' } }],
    ['an error in the middle', { text, breakAfter: { events: 3, with: 'error' } }],
  ])('with %s passes through as the vendor sent it, byte for byte, and ends as it ended', async (_name, script) => {
    const { vendor, provider, call, direct } = await start(spoken);
    vendor.always(script);
    const expected = await direct(fields);
    const { bytes, error } = await readAll(await provider.stream(call(fields)));
    expect(error).toBeNull();
    expect(bytes.toString()).toBe(expected.toString());
    expect(expected.length).toBeGreaterThan(50);
  });

  it('that is cut gives what came before, and then an error', async () => {
    const { vendor, provider, call } = await start(spoken);
    vendor.next({ text, breakAfter: { events: 3, with: 'cut' } });
    const { bytes, error } = await readAll(await provider.stream(call(fields)));
    expect(bytes.toString()).toContain('data: ');
    expect(error).toBeInstanceOf(Error);
  });

  it('comes event by event, compressed or not', async () => {
    for (const script of [{}, { encoding: 'gzip' }] as const) {
      const { vendor, provider, call, direct } = await start(spoken);
      const gate = Promise.withResolvers<void>();
      const expected = await direct(fields);
      vendor.next({ ...script, beforeEvent: (index) => (index === 2 ? gate.promise : undefined) });
      const stream = await provider.stream(call(fields));
      stream.once('data', () => gate.resolve());
      const { bytes, error } = await readAll(stream);
      expect({ error, text: bytes.toString() }).toEqual({ error: null, text: expected.toString() });
    }
  });

  it.each<[string, VendorScript]>([
    ['a whole answer', { body: {} }],
    ['a page of HTML', { body: '<html>data: x</html>', headers: { 'content-type': 'text/html' } }],
    ['no type at all', { body: 'data: x\n\n', headers: { 'content-type': '' } }],
  ])('that is %s is a failure of the provider, and the next is served', async (_name, script) => {
    const { vendor, provider, call } = await start(spoken);
    vendor.next(script);
    const error: unknown = await provider.stream(call(fields)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'AppError', code: 'upstream_failed' });
    expect((await readAll(await provider.stream(call(fields)))).error).toBeNull();
    expect(vendor.connections()).toBeLessThanOrEqual(2);
  });
});

describe.each(streaming)('$name: a caller who leaves', (spoken) => {
  it.each<[string, VendorScript]>([
    ['before the first byte', { hang: true }],
    ['in the middle of a stream', { text, breakAfter: { events: 3, with: 'hang' } }],
  ])('%s is told to the vendor within a second, and leaves no connection', async (_name, script) => {
    const { vendor, provider, call } = await start(spoken);
    vendor.next(script);
    const controller = new AbortController();
    const reading = provider
      .stream(call(fields, controller.signal))
      .then(async (stream) => await readAll(stream), String);
    const { aborted } = await vendor.received(1);
    const leftAt = performance.now();
    controller.abort();
    await aborted;
    expect(performance.now() - leftAt).toBeLessThan(1_000);
    expect(await reading).not.toMatchObject({ error: null });
    await expect.poll(vendor.connections).toBe(0);
  });

  it('before a whole answer is told to the vendor within a second', async () => {
    const { vendor, provider, call } = await start(spoken);
    vendor.next({ hang: true });
    const controller = new AbortController();
    const answer = provider.complete(call({}, controller.signal)).catch((error: unknown) => error);
    const { aborted } = await vendor.received(1);
    controller.abort();
    expect(await answer).toMatchObject({ name: 'AppError', code: 'request_timeout' });
    await aborted;
    await expect.poll(vendor.connections).toBe(0);
  });

  it('has no call made where he is gone already', async () => {
    const { vendor, provider, call } = await start(spoken);
    const error: unknown = await provider.complete(call({}, AbortSignal.abort())).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'request_timeout' });
    expect(vendor.requests).toHaveLength(0);
  });
});

describe.each(streaming)('$name: connections', (spoken) => {
  it('are used again one after another, and end with the provider', async () => {
    const { vendor, provider, call } = await start(spoken);
    for (let round = 0; round < 10; round++) await readAll(await provider.stream(call(fields)));
    for (let round = 0; round < 10; round++) await provider.complete(call());
    expect(vendor.requests).toHaveLength(20);
    // One that just ended may still be busy when the next call looks for a connection.
    expect(vendor.connections()).toBeLessThanOrEqual(2);
    await provider.close();
    await expect.poll(vendor.connections).toBe(0);
  });
});
