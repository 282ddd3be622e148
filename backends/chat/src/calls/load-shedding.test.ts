import { afterEach, describe, expect, it } from 'vitest';
import { createLoadShedding } from './load-shedding.ts';
import { watchLoopLag, type LoopLag } from './loop-lag.ts';

const refusal = { code: 'unavailable', status: 503, options: { retryAfterSeconds: 2 } };
const noLag = { ms: () => 0 };

describe('a process with many calls', () => {
  it('takes as many as it has room for, refuses the next, and has room again when one is over', () => {
    const shedding = createLoadShedding({ maxCalls: 2, lag: noLag });
    const leave = shedding.enter();
    shedding.enter();
    expect(() => shedding.enter()).toThrow(expect.objectContaining(refusal));
    expect(shedding.running()).toBe(2);
    leave();
    leave(); // A call that ends twice leaves once.
    expect(shedding.running()).toBe(1);
    shedding.enter();
    expect(() => shedding.enter()).toThrow(expect.objectContaining(refusal));
  });

  it('that is late takes no more, keeps what it has, and takes more when it is in time again', () => {
    let late = 0;
    const shedding = createLoadShedding({ maxCalls: 10, maxLagMs: 250, lag: { ms: () => late } });
    shedding.enter();
    late = 251;
    expect(() => shedding.enter()).toThrow(expect.objectContaining(refusal));
    expect(shedding.running()).toBe(1);
    late = 250;
    shedding.enter();
    expect(shedding.running()).toBe(2);
  });
});

describe('the lag of a process', () => {
  let lag: LoopLag | undefined;
  afterEach(() => lag?.stop());

  it('shows that its loop was blocked, and is forgotten afterwards', async () => {
    lag = watchLoopLag(10);
    await ticks(2);
    for (let round = 0; round < 3; round += 1) {
      block(400);
      await ticks(2);
    }
    expect(lag.ms()).toBeGreaterThan(100);
    const startedAt = performance.now();
    while (lag.ms() > 50 && performance.now() - startedAt < 5_000) await ticks(1);
    expect(lag.ms()).toBeLessThanOrEqual(50);
  });
});

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** Waits for timers of the measured kind, of which one has fired in between. */
async function ticks(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick += 1) await new Promise((resolve) => setTimeout(resolve, 10));
}
