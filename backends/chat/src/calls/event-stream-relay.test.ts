import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chunk, done, testRelay } from '../testing/test-relay.ts';
import type { RelayOutcome } from './relay-options.ts';
import { streamDialects } from './stream-dialects.ts';

async function relayed(parts: readonly (string | Buffer)[]): Promise<{ sent: string; outcomes: RelayOutcome[] }> {
  const { relay, body, writable, outcomes } = testRelay();
  relay.attach(body);
  for (const part of parts) body.write(part);
  body.end();
  return { sent: await text(writable), outcomes };
}

const lastEvent = (sent: string): unknown =>
  JSON.parse(
    sent
      .trimEnd()
      .split(/\r?\n\r?\n/)
      .at(-1)
      ?.slice(6) ?? '',
  );
const anyString: unknown = expect.any(String);
const anyNumber: unknown = expect.any(Number);
const broken = { error: { message: anyString, type: 'api_error', code: 'upstream_failed' } };

describe('a stream that is complete', () => {
  it.each([
    ['in one piece', [chunk + chunk + done]],
    ['event by event', [chunk, chunk, done]],
    ['byte by byte, inside UTF-8 sequences too', [...Buffer.from(chunk + chunk + done)].map((byte) => Buffer.of(byte))],
  ])('passes untouched %s', async (_name, parts) => {
    const { sent, outcomes } = await relayed(parts);
    expect(sent).toBe(chunk + chunk + done);
    expect(outcomes).toEqual([{ kind: 'completed', firstByteMs: anyNumber }]);
  });

  it.each([
    ['CRLF lines', `${chunk}${done}`.replaceAll('\n', '\r\n')],
    ['CR lines', `${chunk}${done}`.replaceAll('\n', '\r')],
    ['comments and pings', `: ping\n\n${chunk}: ping\n\n${done}`],
    ['a model that writes about errors', `data: {"content":"{\\"error\\":{\\"message\\":\\"x\\"}}"}\n\n${done}`],
    ['an error that is null', `data: {"error":null,"choices":[]}\n\n${done}`],
    ['a model that writes [DONE] right before it', `data: {"content":"[DONE] data: [DONE]"}\n\n${done}`],
    ['no line end after [DONE]', `${chunk}data: [DONE]`],
    ['no space before [DONE]', `${chunk}data:[DONE]\n\n`],
  ])('may have %s', async (_name, stream) => {
    const { sent, outcomes } = await relayed([stream]);
    expect(sent).toBe(stream);
    expect(outcomes[0]?.kind).toBe('completed');
  });
});

describe('an answer that is cut inside its last event', () => {
  const last = '{"type":"response.completed","response":{"error":null,"output":[{"type":"message"}],"usage":{}}}';

  it.each(Array.from(last, (_, at) => at).filter((at) => at > 0))('is broken at byte %i', async (at) => {
    const { relay, body, writable, outcomes } = testRelay({}, { dialect: streamDialects.responses });
    relay.attach(body);
    body.end(`data: {"type":"response.created"}\n\ndata: ${last.slice(0, at)}`);
    expect(await text(writable)).not.toContain('response.completed');
    expect(outcomes).toMatchObject([{ kind: 'broken' }]);
  });

  it('is whole where nothing but the line end is missing', async () => {
    const { relay, body, writable, outcomes } = testRelay({}, { dialect: streamDialects.responses });
    relay.attach(body);
    body.end(`data: ${last}`);
    expect(await text(writable)).toBe(`data: ${last}`);
    expect(outcomes).toMatchObject([{ kind: 'completed' }]);
  });
});

describe('a stream that is not complete ends in an error event and without [DONE]', () => {
  it.each([
    ['it just ends', [chunk], chunk],
    ['it ends inside a line', [chunk, 'data: {"choi'], chunk],
    ['it ends between the lines of an event', [chunk, 'data: {"a":1}\n'], `${chunk}data: {"a":1}\n\n\n`],
    ['a model wrote [DONE]', ['data: {"content":"data: [DONE]"}\n\n'], 'data: {"content":"data: [DONE]"}\n\n'],
    ['its last event is only like [DONE]', [chunk, 'data: [DONE]x\n\n'], chunk],
  ])('when %s', async (_name, parts, before) => {
    const { sent, outcomes } = await relayed(parts);
    expect(sent.startsWith(`${before}data: {"error":`)).toBe(true);
    expect(lastEvent(sent)).toEqual(broken);
    expect(sent.endsWith('}\n\n')).toBe(true);
    expect(outcomes).toMatchObject([{ kind: 'broken' }]);
  });

  it.each([
    ['at once', 'data: {"error":{"message":"Bearer abcdefghijkl is bad","type":"server_error"}}\n\n'],
    [
      'with other fields before it',
      'data: {"id":"1","choices":[],"error":{"message":"Bearer abcdefghijkl is bad"}}\n\n',
    ],
    ['as a string', 'data: {"error": "Bearer abcdefghijkl is bad"}\r\n\r\n'],
  ])('when the provider reports an error %s, masked and without what follows', async (_name, event) => {
    for (const parts of [[chunk + event + done], [chunk, event.slice(0, 12), event.slice(12), done]]) {
      const { sent, outcomes } = await relayed(parts);
      expect(sent.startsWith(`${chunk}data: {"error":`)).toBe(true);
      expect(lastEvent(sent)).toEqual({
        error: { ...broken.error, message: 'The provider reported an error: Bearer … is bad' },
      });
      expect(sent).not.toContain('[DONE]');
      expect(sent).not.toContain('abcdefghijkl');
      expect(outcomes).toMatchObject([{ kind: 'broken' }]);
    }
  });

  it('when the connection breaks, and the provider’s stream is destroyed', async () => {
    const { relay, body, writable } = testRelay();
    relay.attach(body);
    body.write(chunk);
    await relay.started;
    body.destroy(new Error('ECONNRESET'));
    expect(lastEvent(await text(writable))).toEqual(broken);
  });
});

describe('before the first byte', () => {
  it.each([
    ['an empty stream', ''],
    ['a stream that starts with an error', 'data: {"error":{"message":"no"}}\n\n'],
  ])('%s is an error that can still become an HTTP answer', async (_name, stream) => {
    const { relay, body, open } = testRelay();
    relay.attach(body);
    body.end(stream);
    await expect(relay.started).rejects.toMatchObject({ code: 'upstream_failed' });
    expect(open).not.toHaveBeenCalled();
  });

  it('a stream that comes too late is thrown away', async () => {
    const { relay, body } = testRelay();
    relay.fail(new Error('too late'));
    relay.attach(body);
    expect(body.destroyed).toBe(true);
  });
});

describe('a client', () => {
  it('that leaves has the provider’s stream destroyed and is counted as cancelled', async () => {
    const { relay, body, writable, outcomes } = testRelay();
    relay.attach(body);
    body.write(chunk);
    await relay.started;
    writable.destroy();
    await vi.waitFor(() => expect(body.destroyed).toBe(true));
    expect(outcomes).toEqual([{ kind: 'cancelled', firstByteMs: anyNumber }]);
  });

  it('that leaves with the whole answer, before its provider has ended, has not cancelled it', async () => {
    const { relay, body, writable, outcomes } = testRelay();
    relay.attach(body);
    body.write(chunk + done);
    await relay.started;
    writable.destroy();
    await vi.waitFor(() => expect(body.destroyed).toBe(true));
    expect(outcomes).toEqual([{ kind: 'completed', firstByteMs: anyNumber }]);
  });

  it('that reads slowly stops the reading from the provider', async () => {
    const { relay, body, writable } = testRelay({}, { highWaterMark: 16 });
    relay.attach(body);
    body.write(chunk);
    await relay.started;
    expect(body.isPaused()).toBe(true);
    body.end(done);
    expect(await text(writable)).toBe(chunk + done);
  });
});

describe('silence', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is filled with comments, and ends at the limit in an error event', async () => {
    const { relay, body, writable, outcomes } = testRelay({ idleMs: 40_000 });
    relay.attach(body);
    body.write(chunk);
    await vi.advanceTimersByTimeAsync(31_000);
    expect(String(writable.read())).toBe(`${chunk}: keep-alive\n\n: keep-alive\n\n`);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(lastEvent(String(writable.read()))).toMatchObject({ error: { code: 'upstream_timeout' } });
    expect(outcomes).toMatchObject([{ kind: 'broken' }]);
    expect(body.destroyed).toBe(true);
  });

  it('begins the answer after a keep-alive’s time, even when the provider has not answered at all', async () => {
    const { relay, writable, open } = testRelay();
    await vi.advanceTimersByTimeAsync(14_999);
    expect(open).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await relay.started;
    expect(String(writable.read())).toBe(': keep-alive\n\n');
  });

  it('in an answer that has begun is filled often enough to notice within a second that the client has left', async () => {
    const { relay, body, writable } = testRelay({ heartbeatMs: 500 });
    relay.attach(body);
    body.write(chunk);
    await vi.advanceTimersByTimeAsync(1_100);
    expect(String(writable.read())).toBe(`${chunk}:\n\n:\n\n`);
    await vi.advanceTimersByTimeAsync(14_000);
    expect(String(writable.read()).replaceAll(':\n\n', '')).toBe(': keep-alive\n\n');
  });

  it('is never filled inside an event', async () => {
    const { relay, body, writable } = testRelay();
    relay.attach(body);
    body.write('data: {"a":1}\n');
    await vi.advanceTimersByTimeAsync(16_000);
    expect(String(writable.read())).toBe('data: {"a":1}\n');
  });

  it('counts anew after every byte', async () => {
    const { relay, body, outcomes } = testRelay({ idleMs: 10_000 });
    relay.attach(body);
    for (let i = 0; i < 5; i++) {
      body.write(chunk);
      await vi.advanceTimersByTimeAsync(9_000);
    }
    expect(outcomes).toEqual([]);
  });

  it('before the first byte is for others to end', async () => {
    const { relay, body, writable, outcomes } = testRelay({ idleMs: 20_000 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(outcomes).toEqual([]);
    relay.attach(body);
    body.end(chunk + done);
    await vi.advanceTimersByTimeAsync(0);
    expect(String(writable.read())).toBe(`${': keep-alive\n\n'.repeat(4)}${chunk}${done}`);
  });

  it('after [DONE] is a complete answer', async () => {
    const { relay, body, writable, outcomes } = testRelay({ idleMs: 10_000, heartbeatMs: 500 });
    relay.attach(body);
    body.write(chunk + done);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(String(writable.read())).toBe(chunk + done);
    expect(outcomes).toMatchObject([{ kind: 'completed' }]);
  });
});
