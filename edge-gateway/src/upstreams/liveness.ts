import { hopHeaders } from './own-hop.ts';

/** `ailing` refuses connections or says that it is not well: somebody is there all the same. */
export type Liveness = 'alive' | 'ailing' | 'silent';

/**
 * Whether anybody is still there while an answer takes long: a model may think for minutes, a dead host must not hold
 * a caller that long. `fetch` has no deadline for connecting, so this stands in for one.
 */
export async function livenessOf(origin: string, deadlineMs: number, send: typeof fetch): Promise<Liveness> {
  try {
    const signal = AbortSignal.timeout(deadlineMs);
    const answer = await send(`${origin}/version`, { headers: hopHeaders, redirect: 'manual', signal });
    await answer.body?.cancel();
    return answer.ok ? 'alive' : 'ailing';
  } catch (error) {
    return error instanceof Error && error.name === 'TimeoutError' ? 'silent' : 'ailing';
  }
}
