import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startDeadline } from './deadline.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const alive = async (): Promise<Response> => new Response('{}');
const silent = async (): Promise<Response> => {
  throw new DOMException('no answer', 'TimeoutError');
};
const draining = async (): Promise<Response> => {
  throw new Error('Network connection lost.');
};
const ailing = async (): Promise<Response> => new Response('{}', { status: 503 });
const begin = (send: typeof fetch) => startDeadline({ origin: 'http://chat.test', firstByteMs: 300_000, send });

describe('the deadline of a first byte', () => {
  it('never fires once the answer has started, for that would cut its body', async () => {
    const deadline = begin(silent);
    await vi.advanceTimersByTimeAsync(4_000);
    deadline.stop();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(deadline.isOver()).toBe(false);
  });

  it('does not take back an answer that started while the upstream was asked whether it lives', async () => {
    const { promise, reject } = Promise.withResolvers<Response>();
    const deadline = begin(async () => await promise);
    await vi.advanceTimersByTimeAsync(5_000);
    deadline.stop();
    reject(new Error('late'));
    await vi.advanceTimersByTimeAsync(600_000);
    expect(deadline.isOver()).toBe(false);
  });

  it.each([
    ['is slow', alive],
    ['takes no new connections while it drains', draining],
    ['does not feel well', ailing],
  ])('is five seconds for an upstream that is gone, and the whole for one that %s', async (_what, send) => {
    const gone = begin(silent);
    const slow = begin(send);
    await vi.advanceTimersByTimeAsync(5_001);
    expect([gone.isOver(), gone.isGone()]).toEqual([true, true]);
    await vi.advanceTimersByTimeAsync(294_000);
    expect(slow.isOver()).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([slow.isOver(), slow.isGone()]).toEqual([true, false]);
  });

  it('asks ever more rarely', async () => {
    const send = vi.fn<typeof fetch>(alive);
    begin(send);
    await vi.advanceTimersByTimeAsync(300_000);
    expect(send).toHaveBeenCalledTimes(6);
  });
});
