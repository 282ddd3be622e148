import { describe, expect, it } from 'vitest';
import { createBreaker } from './breaker.ts';

function opened() {
  const clock = { ms: 1_000 };
  const breaker = createBreaker({ failuresToOpen: 5, coolDownMs: 2_000, now: () => clock.ms });
  for (let i = 0; i < 5; i++) breaker.failed();
  return { breaker, clock };
}

describe('the breaker', () => {
  it('lets everything through until the fifth failure in a row', () => {
    const breaker = createBreaker({ now: () => 0 });
    for (let i = 0; i < 4; i++) breaker.failed();
    expect(breaker.wait()).toBe(0);
    breaker.succeeded();
    for (let i = 0; i < 4; i++) breaker.failed();
    expect(breaker.wait()).toBe(0);
    breaker.failed();
    expect(breaker.wait()).toBe(2_000);
  });

  it('says how long to stay away, and sends one probe when that is over', () => {
    const { breaker, clock } = opened();
    clock.ms += 1_500;
    expect(breaker.wait()).toBe(500);
    clock.ms += 500;
    expect(breaker.wait()).toBe(0);
    expect(breaker.wait()).toBe(2_000);
  });

  it('closes with the first good outcome, and stays open with a bad one', () => {
    const { breaker, clock } = opened();
    clock.ms += 2_000;
    expect(breaker.wait()).toBe(0);
    breaker.failed();
    expect(breaker.wait()).toBe(2_000);
    clock.ms += 2_000;
    breaker.wait();
    breaker.succeeded();
    expect(breaker.wait()).toBe(0);
    expect(breaker.isCalm()).toBe(true);
  });

  it('sends another probe when the first never reported', () => {
    const { breaker, clock } = opened();
    clock.ms += 2_000;
    breaker.wait();
    clock.ms += 2_000;
    expect(breaker.wait()).toBe(0);
  });
});
