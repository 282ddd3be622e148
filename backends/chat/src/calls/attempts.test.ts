import { describe, expect, it } from 'vitest';
import { AppError, type AppErrorOptions, type ErrorCode } from '#shared/http/error.ts';
import { unknownCard } from '../completion/model-card.ts';
import { createLocalProvider } from '../providers/index.ts';
import { firstAnswer, type AttemptWatcher } from './attempts.ts';
import { createBreakers } from './breakers.ts';
import type { Target } from './call.ts';

const provider = createLocalProvider();
const target = (model: string): Target => ({
  provider,
  model,
  card: unknownCard(model),
  price: { input: 0, cachedInput: 0, output: 0 },
  priceVersion: 1,
  translation: null,
  isFallback: false,
});
const [a, b] = [target('a'), target('b')];
const failure = (code: ErrorCode, options?: AppErrorOptions): AppError => new AppError(code, code, options);

function setUp(limits: Partial<{ retries: number; maxRetryDelayMs: number }> = {}) {
  const controller = new AbortController();
  const log: string[] = [];
  const pauses: number[] = [];
  const watcher: AttemptWatcher = {
    attempting: ({ model }) => void log.push(`ask ${model}`),
    failed: ({ model }, { code }, next) => void log.push(`${model} ${code}, then ${next?.model ?? 'nobody'}`),
  };
  let now = 0;
  const breakers = createBreakers(() => now);
  const options = {
    limits: { retries: 1, retryDelayMs: 1, maxRetryDelayMs: 5_000, ...limits },
    breakers,
    signal: controller.signal,
    watcher,
    random: () => 0,
  };
  const recorded = { ...options, wait: async (ms: number) => void pauses.push(ms) };
  const wait = (ms: number): void => void (now += ms);
  return { options, recorded, log, pauses, controller, breakers, wait };
}

describe('asking until somebody answers', () => {
  it('asks the first choice and nobody else when it answers', async () => {
    const { options, log } = setUp();
    await expect(firstAnswer(options, [a, b], async ({ model }) => model)).resolves.toEqual({ target: a, value: 'a' });
    expect(log).toEqual(['ask a']);
  });

  it.each(['rate_limited', 'upstream_failed', 'upstream_timeout', 'unavailable'] as const)(
    'asks the same again after %s, then the next one',
    async (code) => {
      const { options, log } = setUp();
      const attempt = async ({ model }: Target): Promise<string> => {
        if (model === 'a') throw failure(code);
        return model;
      };
      expect((await firstAnswer(options, [a, b], attempt)).target).toBe(b);
      expect(log).toEqual(['ask a', `a ${code}, then a`, 'ask a', `a ${code}, then b`, 'ask b']);
    },
  );

  it('goes to the next one at once when asking again cannot help', async () => {
    const { options, log } = setUp({ retries: 3 });
    const attempt = async ({ model }: Target): Promise<string> => {
      if (model === 'a') throw failure('upstream_failed', { isPermanent: true });
      return model;
    };
    expect((await firstAnswer(options, [a, b], attempt)).target).toBe(b);
    expect(log).toEqual(['ask a', 'a upstream_failed, then b', 'ask b']);
  });

  it('does not ask anybody else when the caller’s own request is wrong, and does not say so either', async () => {
    const { options, log } = setUp();
    const attempt = async (): Promise<never> => {
      throw failure('invalid_request');
    };
    await expect(firstAnswer(options, [a, b], attempt)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(log).toEqual(['ask a', 'a invalid_request, then nobody']);
  });

  it('tells the last failure when nobody answers', async () => {
    const { options } = setUp({ retries: 0 });
    const attempt = async ({ model }: Target): Promise<never> => {
      throw failure(model === 'a' ? 'rate_limited' : 'unavailable');
    };
    await expect(firstAnswer(options, [a, b], attempt)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('waits as long as the provider wants, and not at all for one that wants too long', async () => {
    const { recorded, log, pauses } = setUp({ retries: 3, maxRetryDelayMs: 3_000 });
    const wanted = [2, 3, 4];
    const attempt = async ({ model }: Target): Promise<string> => {
      if (model === 'b') return 'b';
      throw failure('rate_limited', { retryAfterSeconds: wanted.shift() ?? 0 });
    };
    expect((await firstAnswer(recorded, [a, b], attempt)).value).toBe('b');
    expect(pauses).toEqual([2_000.5, 3_001]);
    expect(log.filter((line) => line === 'ask a')).toHaveLength(3);
  });

  it.each([
    ['shortest', 0],
    ['longest', 1],
  ])(
    'waits twice as long before each retry, at most the limit, and half of it is chance: at its %s',
    async (_what, chance) => {
      const { recorded, pauses } = setUp({ retries: 5, maxRetryDelayMs: 10 });
      const attempt = async (): Promise<never> => {
        throw failure('upstream_failed');
      };
      const asking = { ...recorded, random: () => chance };
      await expect(firstAnswer(asking, [a], attempt)).rejects.toMatchObject({ code: 'unavailable' });
      expect(pauses).toEqual([1, 2, 4, 8, 10].map((ms) => ms * (0.5 + chance / 2)));
    },
  );

  it('asks nobody again whose time would be over by then', async () => {
    const { options, log } = setUp({ retries: 3 });
    const attempt = async ({ model }: Target): Promise<string> => {
      if (model === 'a') throw failure('upstream_timeout');
      return model;
    };
    const timeLeftMs = ({ model }: Target): number => (model === 'a' ? 0 : 1_000);
    expect((await firstAnswer({ ...options, timeLeftMs }, [a, b], attempt)).target).toBe(b);
    expect(log).toEqual(['ask a', 'a upstream_timeout, then b', 'ask b']);
  });

  it.each<[string, ErrorCode, boolean]>([
    ['takes all of a call’s time', 'upstream_timeout', false],
    ['is asked when a client leaves', 'request_timeout', true],
  ])('counts a model that %s rightly', async (_what, code, isAllowed) => {
    const { options, controller, breakers } = setUp();
    controller.abort(failure(code));
    const attempt = async (): Promise<never> => {
      throw failure('upstream_failed');
    };
    for (let i = 0; i < 5; i++) await expect(firstAnswer(options, [a], attempt)).rejects.toThrow('upstream_failed');
    expect(breakers.allows(a)).toBe(isAllowed);
  });

  it('stops at once, and asks nobody else, when the call is over', async () => {
    const { options, log, controller } = setUp({ retries: 5 });
    const attempt = async (): Promise<never> => {
      controller.abort(failure('upstream_timeout'));
      throw failure('unavailable');
    };
    await expect(firstAnswer(options, [a, b], attempt)).rejects.toMatchObject({ code: 'unavailable' });
    expect(log).toEqual(['ask a']);
  });

  it('stops while it waits for the next try', async () => {
    const { options, controller } = setUp({ retries: 5 });
    const attempt = async (): Promise<never> => {
      queueMicrotask(() => queueMicrotask(() => controller.abort(failure('upstream_timeout'))));
      throw failure('rate_limited', { retryAfterSeconds: 4 });
    };
    await expect(firstAnswer(options, [a], attempt)).rejects.toMatchObject({ code: 'upstream_timeout' });
  });

  it('turns what is no error of ours into a failure of the provider', async () => {
    const { options } = setUp({ retries: 0 });
    const attempt = async (): Promise<never> => {
      throw new TypeError('socket');
    };
    await expect(firstAnswer(options, [a], attempt)).rejects.toMatchObject({ code: 'upstream_failed' });
  });
});

describe('the breaker of a model', () => {
  const down = async (): Promise<never> => {
    throw failure('unavailable');
  };

  it('opens after five failures in a row, and then costs no attempt', async () => {
    const { options, log } = setUp({ retries: 4 });
    await expect(firstAnswer(options, [a], down)).rejects.toMatchObject({ code: 'unavailable' });
    log.length = 0;
    expect((await firstAnswer(options, [a, b], async ({ model }) => model)).value).toBe('b');
    expect(log).toEqual(['ask b']);
  });

  it('lets one call at a time find out whether the model is back', async () => {
    const { options, breakers, wait } = setUp({ retries: 4 });
    await firstAnswer(options, [a], down).catch(() => undefined);
    wait(9_999);
    expect(breakers.allows(a)).toBe(false);
    wait(1);
    expect([breakers.allows(a), breakers.allows(a)]).toEqual([true, false]);
    breakers.failed(a, failure('unavailable'));
    expect(breakers.allows(a)).toBe(false);
    wait(10_000);
    expect(breakers.allows(a)).toBe(true);
    breakers.succeeded(a);
    expect([breakers.allows(a), breakers.allows(a)]).toEqual([true, true]);
  });

  it('is not kept waiting by a probe that was cancelled', async () => {
    const { options, breakers, wait } = setUp({ retries: 4 });
    await firstAnswer(options, [a], down).catch(() => undefined);
    wait(10_000);
    expect(breakers.allows(a)).toBe(true);
    breakers.released(a);
    expect(breakers.allows(a)).toBe(true);
  });

  it('does not open for a model that is only busy, nor for the caller’s own errors', () => {
    const { breakers } = setUp();
    for (let i = 0; i < 20; i++) breakers.failed(a, failure(i % 2 ? 'rate_limited' : 'invalid_request'));
    expect(breakers.allows(a)).toBe(true);
  });

  it('says nothing of the provider’s other models', async () => {
    const { options, breakers } = setUp({ retries: 4 });
    await firstAnswer(options, [a], down).catch(() => undefined);
    expect([breakers.allows(a), breakers.allows(b)]).toEqual([false, true]);
  });
});
