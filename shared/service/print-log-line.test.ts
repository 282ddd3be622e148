import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../ops/run.ts';

const printing = `import { printLogLine } from ${JSON.stringify(join(import.meta.dirname, 'print-log-line.ts'))};
for (let line = 0; line < 1_000; line += 1) printLogLine('line ' + line);`;

describe('lines of the log', () => {
  it.each([
    ['exits', 'process.exit(3);', 3],
    ['fails', "throw new Error('unexpected');", 1],
    ['has nothing more to do', '', 0],
  ])('are all there when the process %s behind them', async (_how, end, expected) => {
    const { code, stdout } = await run({
      argv: [process.execPath, '--input-type=module', '--eval', `${printing}\n${end}`],
    });
    expect(code).toBe(expected);
    expect(stdout).toBe(Array.from({ length: 1_000 }, (_, line) => `line ${line}\n`).join(''));
  });
});
