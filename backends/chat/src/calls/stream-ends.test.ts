import { text } from 'node:stream/consumers';
import { describe, expect, it, vi } from 'vitest';
import { chunk, done, testRelay } from '../testing/test-relay.ts';

describe('the end of a complete stream', () => {
  it('is one write with the last events where its provider ends at once', async () => {
    const { relay, body, writable } = testRelay();
    const [write, end] = [vi.spyOn(writable, 'write'), vi.spyOn(writable, 'end')];
    relay.attach(body);
    body.write(chunk);
    body.end(chunk + done);
    expect(await text(writable)).toBe(chunk + chunk + done);
    expect(end.mock.calls.map(String)).toEqual([chunk + done]);
    await new Promise(setImmediate);
    expect(write.mock.calls.map(String)).toEqual([chunk]);
  });

  it('does not wait for a provider that stays', async () => {
    const { relay, body, writable, outcomes } = testRelay();
    relay.attach(body);
    body.write(chunk + done);
    await new Promise(setImmediate);
    expect(String(writable.read())).toBe(chunk + done);
    expect(outcomes).toEqual([]);
  });

  it('is the end even where its provider breaks off behind it', async () => {
    const { relay, body, writable, outcomes } = testRelay();
    relay.attach(body);
    body.once('data', () => process.nextTick(() => body.destroy(new Error('reset'))));
    body.write(chunk + done);
    expect(await text(writable)).toBe(chunk + done);
    expect(outcomes).toMatchObject([{ kind: 'completed' }]);
  });

  it('that its client never got is none', async () => {
    const { relay, body, writable, outcomes } = testRelay();
    relay.attach(body);
    body.once('data', () => process.nextTick(() => writable.destroy()));
    body.write(chunk + done);
    await new Promise(setImmediate);
    expect(outcomes).toMatchObject([{ kind: 'cancelled' }]);
  });
});

describe('a stream whose end waits for something', () => {
  it.each([
    ['a blank line that comes late', ['data: [DONE]\n'], 'data: [DONE]\n\n'],
    ['one between carriage returns', ['data: [DONE]\r', '\r'], 'data: [DONE]\r\r'],
    ['no line end at all', ['data: [DONE]'], done],
    ['all of it', [done], done],
  ])('ends in a whole event, with %s', async (_what, parts, end) => {
    const { relay, body, writable, outcomes } = testRelay({}, { beforeEnd: async () => ': kept\n\n' });
    relay.attach(body);
    for (const part of [chunk, ...parts]) {
      body.write(part);
      await new Promise(setImmediate);
    }
    body.end();
    expect(await text(writable)).toBe(`${chunk}: kept\n\n${end}`);
    expect(outcomes).toMatchObject([{ kind: 'completed' }]);
  });
});
