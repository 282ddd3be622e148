import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measure } from './measure.ts';
import { printReport } from './report.ts';
import { startBenchStack } from './bench-stack.ts';

const usage = `npm run bench -- [--requests N] [--streams N] [--concurrency N] [--rounds N] [--json]

Measures added latency and CPU per request against a mock vendor: directly, through the chat backend, and through
gateway and chat, interleaved in rounds. Everything is real (workerd, Postgres, authentication on every request) and
on this machine; numbers of different machines do not compare, the ratios of one run do.

  --requests N      unary requests per leg and round      (default 400)
  --streams N       streams of 50 chunks per leg and round (default 96)
  --concurrency N   connections while CPU is measured     (default 32)
  --rounds N        how often the legs take turns         (default 5)
  --json            the report for machines`;

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '400' },
    streams: { type: 'string', default: '96' },
    concurrency: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) console.log(usage);
else await bench();

async function bench(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'gaia-bench-'));
  const stack = await startBenchStack(directory);
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
