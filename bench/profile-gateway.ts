// Where the gateway spends its CPU: the top functions by self time, inside workerd, under load.
//
//   node bench/profile-gateway.ts                        unary, 32 connections, 10 s
//   node bench/profile-gateway.ts --stream --seconds 20
//   node bench/profile-gateway.ts --path /v1/models --method GET     any other request
//   node bench/profile-gateway.ts --key gaia_dev_wrong   what a refused key costs (any status is accepted then)
//   node bench/profile-gateway.ts --limits off --log-level error   callers without limits, and no line for each request
//   node bench/profile-gateway.ts --top 60 --out gateway.cpuprofile  (opens in Chrome's developer tools)
//
// The whole platform runs as in `npm run bench`, with a bundle that is not minified, in dist/profile.
// (program) is what V8 cannot see into: workerd's own C++, which bare workerd pays too.

import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePorts } from '../ops/local/ports.ts';
import { bundleGateway, gatewayCapnp } from '../ops/local/workerd.ts';
import { repositoryRoot } from '../ops/repository.ts';
import { startBenchStack } from './bench-stack.ts';
import { cpuMicroseconds } from './cpu.ts';
import { connectInspector } from './inspector.ts';
import { loadFor } from './load.ts';
import { selfTimes, type CpuProfile } from './self-times.ts';

const { values } = parseArgs({
  options: {
    stream: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '10' },
    connections: { type: 'string', default: '32' },
    path: { type: 'string', default: '/v1/chat/completions' },
    method: { type: 'string', default: 'POST' },
    key: { type: 'string' },
    limits: { type: 'string', default: 'on' },
    'log-level': { type: 'string', default: 'info' },
    top: { type: 'string', default: '40' },
    out: { type: 'string' },
  },
});

await profileGateway();

async function profileGateway(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'gaia-profile-'));
  const [inspectorPort = 0] = await freePorts(1);
  const config = await readableGateway();
  const options = [`--inspector-addr=127.0.0.1:${inspectorPort}`];
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => rm(directory, { recursive: true, force: true }));
  const stack = await startBenchStack({
    directory,
    config,
    options,
    logLevel: values['log-level'],
    isLimited: values.limits === 'on',
  });
  cleanUp.defer(stack.stop);
  const leg = {
    name: 'gateway',
    url: stack.gatewayUrl,
    headers: { ...stack.callerHeaders, ...(values.key !== undefined && { 'x-api-key': values.key }) },
    model: 'bench/bench',
    path: values.path,
    method: values.method,
    expect: values.key === undefined && values.path === '/v1/chat/completions' ? 'completion' : 'anything',
  } as const;
  const shape = { concurrency: Number(values.connections), stream: values.stream };
  await loadFor(leg, { ...shape, seconds: 3 });
  const inspector = await connectInspector(inspectorPort);
  cleanUp.defer(inspector.close);
  await inspector.startProfile();
  const cpuBefore = await cpuMicroseconds(stack.pids['gateway'] ?? 0);
  const { requests, seconds } = await loadFor(leg, { ...shape, seconds: Number(values.seconds) });
  const cpuAfter = await cpuMicroseconds(stack.pids['gateway'] ?? 0);
  const profile = await inspector.stopProfile();
  if (values.out) await writeFile(values.out, JSON.stringify(profile));
  print(profile, { requests, seconds, cpu: (cpuAfter ?? NaN) - (cpuBefore ?? NaN) });
}

/** The committed configuration serves what lies in `../dist/gateway`, so a copy beside another bundle serves that. */
async function readableGateway(): Promise<string> {
  const root = join(repositoryRoot, 'dist/profile');
  await bundleGateway({ directory: join(root, 'dist/gateway'), readable: true });
  await mkdir(join(root, 'edge-gateway'), { recursive: true });
  const config = join(root, 'edge-gateway/workerd.capnp');
  await copyFile(gatewayCapnp, config);
  await copyFile(
    join(dirname(gatewayCapnp), 'workerd-limiter.capnp'),
    join(root, 'edge-gateway/workerd-limiter.capnp'),
  );
  return config;
}

type Load = { requests: number; seconds: number; cpu: number };

function print(profile: CpuProfile, { requests, seconds, cpu }: Load): void {
  const perRequest = (microseconds: number): string => (microseconds / requests).toFixed(1).padStart(8);
  console.log(`${requests} requests in ${seconds.toFixed(1)} s: ${Math.round(requests / seconds)} a second`);
  console.log(`the process used ${perRequest(cpu).trim()} µs of CPU per request (while being profiled)\n`);
  console.log(`  µs/req   share  function`);
  const { functions, busy } = selfTimes(profile);
  for (const { name, self } of functions.slice(0, Number(values.top))) {
    console.log(`${perRequest(self)}  ${((100 * self) / busy).toFixed(1).padStart(5)}%  ${name}`);
  }
}
