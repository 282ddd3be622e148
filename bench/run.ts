import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBenchStack, type BenchStack } from './bench-stack.ts';
import { checkIdentity } from './checks.ts';
import { legNames, startLegs, type LegName } from './legs.ts';
import { measure, type Counts } from './measure.ts';
import { printReport, type Report } from './report.ts';
import { soak } from './soak.ts';
import { judge } from './targets.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '300' },
    streams: { type: 'string', default: '192' },
    concurrency: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '5' },
    'warm-up': { type: 'string', default: '20000' },
    only: { type: 'string' },
    soak: { type: 'boolean', default: false },
    limits: { type: 'string', default: 'on' },
    'log-level': { type: 'string', default: 'info' },
    json: { type: 'boolean', default: false },
  },
});

// Its usage is in ops/commands/bench.ts, which starts this.
process.exitCode = await bench();

async function bench(): Promise<number> {
  const wanted = (values.only ?? [...legNames, 'checks'].join(',')).split(',');
  const unknown = wanted.filter((name) => name !== 'checks' && !legNames.some((leg) => leg === name));
  if (unknown.length > 0) {
    console.error(`There is no ${unknown.join(', ')}: --only takes ${legNames.join(', ')} and checks.`);
    return 2;
  }
  const interrupted = new Promise<'interrupted'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve('interrupted'));
  });
  await using cleanUp = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'gaia-bench-'));
  cleanUp.defer(() => rm(directory, { recursive: true, force: true }));
  const stack = await startBenchStack({
    directory,
    logLevel: values['log-level'],
    isLimited: values.limits === 'on',
  });
  cleanUp.defer(stack.stop);
  const work = values.soak ? soakOnly(stack) : compare(stack, { directory, wanted, cleanUp });
  const outcome = await Promise.race([work, interrupted]);
  return outcome === 'interrupted' ? 130 : outcome;
}

async function soakOnly(stack: BenchStack): Promise<number> {
  return (await soak(stack)) ? 0 : 1;
}

type Comparison = { directory: string; wanted: string[]; cleanUp: AsyncDisposableStack };

async function compare(stack: BenchStack, { directory, wanted, cleanUp }: Comparison): Promise<number> {
  const counts: Counts = {
    requests: Number(values.requests),
    streams: Number(values.streams),
    concurrency: Number(values.concurrency),
    rounds: Number(values.rounds),
    warmUp: Number(values['warm-up']),
  };
  const names: LegName[] = legNames.filter((name) => wanted.includes(name));
  const { legs, skipped, stop } = await startLegs(stack, directory, names);
  cleanUp.defer(stop);
  const results = await measure(legs, counts);
  const checks = wanted.includes('checks') ? await checkIdentity(stack) : [];
  const report: Report = { counts, legs: results, skipped, verdicts: [...judge(results), ...checks] };
  if (values.json) console.log(JSON.stringify(report, null, 2));
  else printReport(report);
  return 0;
}
