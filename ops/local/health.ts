import { setTimeout as sleep } from 'node:timers/promises';
import { OpsError } from '../command.ts';

const limitMs = 20_000;
const requestMs = 2_000;

/** Asks the gateway until all of it is healthy (or degraded: something optional is away). */
export async function waitUntilHealthy(gatewayUrl: string, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  let last = 'no answer';
  while (!deadline.aborted) {
    const answer = await ask(`${gatewayUrl}/health`, deadline);
    if (answer === null) return;
    last = answer;
    await sleep(50, undefined, { signal: deadline }).catch(() => undefined);
  }
  signal.throwIfAborted();
  throw new OpsError(`The gateway was not healthy within ${limitMs / 1_000} s; the last it said: ${last}`);
}

/** Null when healthy, else what it said. */
async function ask(url: string, deadline: AbortSignal): Promise<string | null> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([deadline, AbortSignal.timeout(requestMs)]) });
    const text = await answer.text();
    return answer.ok ? null : text.slice(0, 1_000);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
