// How long a thousand log-ins at once keep everybody else in auth waiting: the longest delay of its event loop by the
// clock, so run it where nothing else runs.
//
//   node bench/log-in-stall.ts                 four times a thousand; exit code 1 where it stalls for more than 100 ms
//   node bench/log-in-stall.ts --log-ins 5000
//
// Half of the log-ins are to one account (most of those are refused by its limit), the others to accounts that are not
// there, which cost the same. Node's inspector listens on port 9229 meanwhile.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Pool } from 'undici';
import { startBenchStack, type BenchStack } from './bench-stack.ts';
import { connectInspector } from './inspector.ts';

const { values } = parseArgs({
  options: { 'log-ins': { type: 'string', default: '1000' }, rounds: { type: 'string', default: '4' } },
});

const most = 100;
const inspectorPort = 9_229;
const watch = `globalThis.delay = process.getBuiltinModule('node:perf_hooks').monitorEventLoopDelay({ resolution: 5 }); delay.enable()`;

process.exitCode = (await measureStalls()) <= most ? 0 : 1;

async function measureStalls(): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'gaia-stall-'));
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => rm(directory, { recursive: true, force: true }));
  const stack = await startBenchStack({ directory, logLevel: 'info' });
  cleanUp.defer(stack.stop);
  process.kill(stack.pids['auth'] ?? 0, 'SIGUSR1');
  const inspector = await connected();
  cleanUp.defer(async () => inspector.close());
  await inspector.evaluate(watch);
  let longest = 0;
  for (let round = 0; round < Number(values.rounds); round++) {
    await inspector.evaluate('delay.reset()');
    const startedAt = performance.now();
    const statuses = await logIns(stack, round);
    const stall = Number(await inspector.evaluate('delay.max / 1e6'));
    longest = Math.max(longest, stall);
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    console.log(`${values['log-ins']} log-ins in ${seconds} s (${statuses}): longest stall ${stall.toFixed(1)} ms`);
  }
  return longest;
}

/** Node begins to listen some time after the signal. */
async function connected(): ReturnType<typeof connectInspector> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await connectInspector(inspectorPort);
    } catch (error) {
      if (attempt === 50) throw error;
      await sleep(100);
    }
  }
}

async function logIns({ authUrl, strangerHeaders }: BenchStack, round: number): Promise<string> {
  const headers = { ...(await strangerHeaders()), 'content-type': 'application/json' };
  const pool = new Pool(authUrl, { connections: 1_000 });
  const counts = new Map<number, number>();
  const one = async (index: number): Promise<void> => {
    const email = index % 2 === 0 ? 'somebody@example.org' : `nobody-${round}-${index}@example.org`;
    const body = JSON.stringify({ email, password: 'wrong horse battery' });
    const answer = await pool.request({ method: 'POST', path: '/api/v1/auth/login', headers, body });
    await answer.body.dump();
    counts.set(answer.statusCode, (counts.get(answer.statusCode) ?? 0) + 1);
  };
  await Promise.all(Array.from({ length: Number(values['log-ins']) }, async (_, index) => await one(index)));
  await pool.close();
  return [...counts].map(([status, count]) => `${count} × ${status}`).join(', ');
}
