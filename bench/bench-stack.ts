import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { contractVersion } from '#shared/contract-version.ts';
import { createAssertionSigner } from '#shared/identity/assertion-sign.ts';
import { waitUntilHealthy } from '../ops/local/health.ts';
import { freePorts } from '../ops/local/ports.ts';
import { signingKeysOf } from '../ops/local/signing-key.ts';
import { startStack } from '../ops/local/stack.ts';
import { bundleGateway, startWorkerd } from '../ops/local/workerd.ts';
import { repositoryRoot } from '../ops/repository.ts';
import { start } from '../ops/run.ts';
import type { Leg } from './load.ts';

export type BenchStack = {
  /** Made anew each round: an assertion lives for a minute. */
  legs: () => Promise<Leg[]>;
  /** The processes whose CPU is counted, by name. */
  pids: Record<string, number>;
  stop: () => Promise<void>;
};

/** The whole platform with a mock vendor behind it, and the gateway on plain workerd in front. */
export async function startBenchStack(directory: string): Promise<BenchStack> {
  const vendor = await start({ argv: [process.execPath, join(repositoryRoot, 'bench/mock-vendor.ts')], ipc: true });
  const vendorUrl = await new Promise<string>((resolve) => {
    vendor.onMessage((message) => resolve(`http://127.0.0.1:${PortMessage.parse(message).port}`));
  });
  await bundleGateway();
  const stack = await startStack({
    directory,
    port: 0,
    extraEnv: { auth: quiet, asset: quiet, chat: { ...quiet, ...chatEnv(vendorUrl) } },
  });
  const { privateKey } = await signingKeysOf(directory);
  const [port = 0] = await freePorts(1);
  const gateway = await startWorkerd(port, {
    ENVIRONMENT: 'local',
    LOG_LEVEL: 'error',
    GIT_COMMIT: 'bench',
    ALLOWED_ORIGINS: '',
    AUTH_SERVICE_URL: stack.urls.auth,
    ASSET_SERVICE_URL: stack.urls.asset,
    CHAT_SERVICE_URL: stack.urls.chat,
    GATEWAY_SIGNING_KEY: privateKey,
  });
  const gatewayUrl = `http://127.0.0.1:${port}`;
  await waitUntilHealthy(gatewayUrl, AbortSignal.timeout(20_000));
  const sign = createAssertionSigner(PrivateJwk.parse(JSON.parse(privateKey)));
  return {
    pids: { gateway: gateway.pid, ...(await pidsIn(directory)) },
    legs: async () => [
      { name: 'direct', url: vendorUrl, headers: {}, model: 'bench' },
      {
        name: 'chat',
        url: stack.urls.chat,
        model: 'bench/bench',
        headers: {
          'x-gaia-assertion': await sign(
            { kind: 'user', userId: 'bench', keyId: 'bench', scopes: ['chat:write'], limits: {} },
            'chat',
          ),
          'x-gaia-contract': String(contractVersion),
        },
      },
      { name: 'gateway', url: gatewayUrl, model: 'bench/bench', headers: { 'x-api-key': stack.key } },
    ],
    stop: async () => {
      await gateway.stop();
      await stack.stop();
      await vendor.stop();
    },
  };
}

/** The stack keeps a record of what it started. */
async function pidsIn(directory: string): Promise<Record<string, number>> {
  const { children } = RunRecord.parse(JSON.parse(await readFile(join(directory, 'run.json'), 'utf8')));
  return Object.fromEntries(children.filter(({ name }) => counted.has(name)).map(({ name, pid }) => [name, pid]));
}

const counted = new Set(['auth', 'chat']);
const RunRecord = z.object({ children: z.array(z.object({ name: z.string(), pid: z.int() })) });
const PrivateJwk = z.looseObject({ kty: z.string() });
const PortMessage = z.object({ port: z.number() });
const quiet = { LOG_LEVEL: 'error' };

function chatEnv(vendorUrl: string): Record<string, string> {
  const provider = { id: 'bench', base_url: `${vendorUrl}/v1`, api_key_variable: 'BENCH_KEY', models: ['bench'] };
  return { CHAT_PROVIDERS: JSON.stringify([provider]), BENCH_KEY: 'bench-key' };
}
