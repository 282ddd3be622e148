import { describe, expect, it } from 'vitest';
import { AppError, type ErrorCode } from '#shared/http/error.ts';
import type { ChatProvider } from '../completion/chat-provider.ts';
import { createLocalProvider } from '../providers/index.ts';
import { createHealthChecks } from './health-checks.ts';

type Check = NonNullable<ChatProvider['check']>;

function provider(id: string, check?: Check): ChatProvider {
  const { check: _none, ...local } = createLocalProvider();
  return { ...local, id, ...(check && { check }) };
}

function checks(providers: ChatProvider[], deadlineMs = 5_000) {
  const checked: [string, ErrorCode | null][] = [];
  const clock = { now: 1_000_000 };
  const book = { checked: (id: string, code: ErrorCode | null) => void checked.push([id, code]) };
  return { ...createHealthChecks({ providers, book, deadlineMs, now: () => clock.now }), checked, clock };
}

describe('asking the providers', () => {
  it('says who is there, who is not and why, and who cannot be asked', async () => {
    const { run, checked } = checks([
      provider('there', async () => undefined),
      provider('refusing', async () => {
        throw new AppError('unavailable', 'no');
      }),
      provider('broken', async () => {
        throw new Error('what');
      }),
      provider('mute'),
    ]);
    const { checks: found } = await run();
    expect(found.map(({ provider: id, outcome, errorCode }) => [id, outcome, errorCode])).toEqual([
      ['there', 'reachable', null],
      ['refusing', 'failed', 'unavailable'],
      ['broken', 'failed', 'upstream_failed'],
      ['mute', 'unsupported', null],
    ]);
    expect(found[0]?.responseTimeMs).toBeGreaterThanOrEqual(0);
    expect(found[3]?.responseTimeMs).toBeNull();
    expect(checked).toEqual([
      ['there', null],
      ['refusing', 'unavailable'],
      ['broken', 'upstream_failed'],
    ]);
  });

  it('waits no longer than the deadline, even for one that does not listen, and asks all at once', async () => {
    const signals: AbortSignal[] = [];
    const deaf: Check = async (signal) => {
      signals.push(signal);
      return await new Promise<never>(() => undefined);
    };
    const startedAt = performance.now();
    const { checks: found } = await checks([provider('a', deaf), provider('b', deaf)], 100).run();
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(found.map(({ errorCode }) => errorCode)).toEqual(['upstream_timeout', 'upstream_timeout']);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });

  it('does not let callers hammer a vendor', async () => {
    let asked = 0;
    const { run, clock } = checks([provider('a', async () => void (asked += 1))]);
    const [first] = await Promise.all([run(), run(), run()]);
    clock.now += 29_999;
    expect(await run()).toEqual(first);
    expect(asked).toBe(1);
    clock.now += 1;
    await run();
    expect(asked).toBe(2);
  });
});
