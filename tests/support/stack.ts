import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStack, type Stack, type StackOptions } from '../../ops/local/stack.ts';

export type TestStackOptions = Pick<StackOptions, 'extraEnv' | 'nats' | 'events' | 'databaseUrls'>;

export type TestStack = Stack & AsyncDisposable;

/**
 * The whole of Gaia for one test file, on free ports and in a folder of its own, which is gone after `stop`:
 * `await using stack = await startTestStack()`, or `stop` in `afterAll`. NATS only where a test asks for it.
 */
export async function startTestStack(options: TestStackOptions = {}): Promise<TestStack> {
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
