import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStack, type Stack, type StackOptions } from '../../ops/local/stack.ts';

export type DevStack = Stack & AsyncDisposable;

/**
 * All that `npm start` starts, down to wrangler and a Postgres of its own, on free ports and in a folder that is gone
 * after `stop`. It takes seconds: `startTestStack` is enough for tests that are not about the start or its processes.
 */
export async function startDevStack(options: Pick<StackOptions, 'extraEnv' | 'events'> = {}): Promise<DevStack> {
  const directory = await mkdtemp(join(tmpdir(), 'gaia-stack-'));
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const stack = await startStack({ nats: false, ...options, directory, port: 0, fastAndLossy: true });
    const stop = async (): Promise<void> => {
      await stack.stop();
      await remove();
    };
    return { ...stack, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await remove();
    throw error;
  }
}
