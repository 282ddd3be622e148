import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measure } from './measure.ts';
import { printReport } from './report.ts';
import { startBenchStack } from './bench-stack.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '400' },
    streams: { type: 'string', default: '96' },
    concurrency: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});

// Its usage is in ops/commands/bench.ts, which starts this.
await bench();

async function bench(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'gaia-bench-'));
  const stack = await startBenchStack({ directory });
  const interrupted = new Promise<never>((_resolve, reject) => {
    process.once('SIGINT', () => reject(new Error('interrupted')));
  });
  try {
    const counts = {
      requests: Number(values.requests),
      streams: Number(values.streams),
      concurrency: Number(values.concurrency),
      rounds: Number(values.rounds),
    };
    const measured = await Promise.race([measure(stack, counts), interrupted]);
    if (values.json) console.log(JSON.stringify(measured, null, 2));
    else printReport(measured);
  } finally {
    await stack.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
