import { expect, test } from 'vitest';
import { start } from './run.ts';

test('says of each line of a process that stays where it came from', async () => {
  const process = await start({ argv: ['sh', '-c', 'echo out; echo err >&2'] });
  const lines: string[] = [];
  process.onLine((line, stream) => lines.push(`${stream}: ${line}`));
  await expect.poll(() => lines.toSorted()).toEqual(['stderr: err', 'stdout: out']);
});
