import { hopHeaders } from './own-hop.ts';

/**
 * Whether anybody is still there while an answer takes long: a model may think for minutes, a dead host must not hold
 * a caller that long. `fetch` has no deadline for connecting, so this stands in for one.
 */
export async function isAlive(origin: string, deadlineMs: number, send: typeof fetch): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(deadlineMs);
    const answer = await send(`${origin}/version`, { headers: hopHeaders, redirect: 'manual', signal });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}
