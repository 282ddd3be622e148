import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pg from 'pg';
import * as z from 'zod';
import { contractVersion } from '#shared/contract-version.ts';
import { createAssertionSigner } from '#shared/identity/assertion-sign.ts';
import { waitUntilHealthy } from '../ops/local/health.ts';
import { freePorts } from '../ops/local/ports.ts';
import { signingKeysOf } from '../ops/local/signing-key.ts';
import { startStack, type Stack } from '../ops/local/stack.ts';
import { bundleGateway, gatewayCapnp, startWorkerd, type WorkerdOptions } from '../ops/local/workerd.ts';
import { startCountingAuth, type CountingAuth } from './counting-auth.ts';
import { startMockVendor } from './mock-vendor-process.ts';

export type BenchStackOptions = Pick<WorkerdOptions, 'config' | 'options'> & {
  directory: string;
  /** Of everything that is ours. `info` writes a line for each request. */
  logLevel?: string;
  /** Whether callers have limits, which nobody comes near but gateway and chat look after. */
  isLimited?: boolean;
};

export type BenchStack = {
  vendorUrl: string;
  chatUrl: string;
  authUrl: string;
  gatewayUrl: string;
  /** What the gateway wants to see of a caller: a key, and where Cloudflare would say that it calls from. */
  callerHeaders: Record<string, string>;
  /** What the gateway asks auth goes through here. */
  auth: CountingAuth;
  /** The processes whose CPU is counted, by name. */
  pids: Record<string, number>;
  /** What chat wants to see from whom calls it directly. Made anew each time: an assertion lives for a minute. */
  chatHeaders: () => Promise<Record<string, string>>;
  /** What auth wants to see of somebody who has no credential yet. */
  strangerHeaders: () => Promise<Record<string, string>>;
  stop: () => Promise<void>;
};

/** The whole platform with a mock vendor behind it, and the gateway on plain workerd in front. */
export async function startBenchStack(options: BenchStackOptions): Promise<BenchStack> {
  const { directory, logLevel = 'error', isLimited = false } = options;
  const limits = isLimited ? farLimits : {};
  if (options.config === undefined) await bundleGateway();
  await using started = new AsyncDisposableStack();
  const vendor = await startMockVendor();
  started.defer(vendor.stop);
  const stack = await startStack({
    directory,
    port: 0,
    nats: false,
    extraEnv: {
      auth: { LOG_LEVEL: logLevel },
      asset: { LOG_LEVEL: logLevel },
      chat: { LOG_LEVEL: logLevel, ...chatEnv(vendor.url) },
    },
  });
  started.defer(stack.stop);
  await limitKeys(stack.databaseUrl, limits);
  const { privateKey } = await signingKeysOf(directory);
  const auth = await startCountingAuth(stack.urls.auth);
  started.defer(auth.stop);
  const limiter = await startLimiter(options);
  started.defer(limiter.stop);
  const gatewayOptions = [`--external-addr=limiter=${limiter.address}`, ...(options.options ?? [])];
  const urls = { ...stack.urls, auth: auth.url };
  const gateway = await startGateway({ ...options, options: gatewayOptions }, urls, privateKey);
  started.defer(gateway.stop);
  const sign = createAssertionSigner(PrivateJwk.parse(JSON.parse(privateKey)));
  const all = started.move();
  return {
    vendorUrl: vendor.url,
    chatUrl: stack.urls.chat,
    authUrl: stack.urls.auth,
    gatewayUrl: gateway.url,
    callerHeaders: { 'x-api-key': stack.key, ...fromSomewhere },
    auth,
    pids: { gateway: gateway.pid, limiter: limiter.pid, ...(await pidsIn(directory)), vendor: vendor.pid },
    chatHeaders: async () => asserted(await sign({ ...benchUser, limits }, 'chat')),
    strangerHeaders: async () => asserted(await sign({ kind: 'anonymous' }, 'auth')),
    stop: () => all.disposeAsync(),
  };
}

function asserted(assertion: string): Record<string, string> {
  return { 'x-gaia-assertion': assertion, 'x-gaia-contract': String(contractVersion) };
}

/** Counts the requests of limited keys for all processes of a gateway, as on a machine of one's own. */
async function startLimiter({ config = gatewayCapnp, directory }: BenchStackOptions) {
  const [port = 0] = await freePorts(1);
  const disk = join(directory, 'limits');
  await mkdir(disk);
  const options = [`--directory-path=disk=${disk}`];
  const limiter = join(dirname(config), 'workerd-limiter.capnp');
  const process = await startWorkerd({ port, env: {}, config: limiter, options });
  return { address: `127.0.0.1:${port}`, pid: process.pid, stop: () => process.stop() };
}

async function startGateway(
  { config, options, logLevel = 'error' }: BenchStackOptions,
  urls: Stack['urls'],
  privateKey: string,
) {
  const [port = 0] = await freePorts(1);
  const env = {
    ENVIRONMENT: 'local',
    LOG_LEVEL: logLevel,
    GIT_COMMIT: 'bench',
    ALLOWED_ORIGINS: '',
    AUTH_SERVICE_URL: urls.auth,
    ASSET_SERVICE_URL: urls.asset,
    CHAT_SERVICE_URL: urls.chat,
    GATEWAY_SIGNING_KEY: privateKey,
    TRUSTED_ADDRESS_HEADER: addressHeader,
    ...farFloods,
  };
  const process = await startWorkerd({ port, env, ...(config ? { config } : {}), ...(options ? { options } : {}) });
  const said: string[] = [];
  process.onLine((line) => {
    if (said.push(line) > 20) said.shift();
  });
  const url = `http://127.0.0.1:${port}`;
  try {
    await waitUntilHealthy(url, AbortSignal.timeout(20_000));
  } catch (error) {
    await process.stop();
    throw new Error(`the gateway did not start; the last it said:\n${said.join('\n')}`, { cause: error });
  }
  return { url, pid: process.pid, stop: () => process.stop() };
}

const addressHeader = 'cf-connecting-ip';

/** As on Cloudflare, which puts this on every request. */
export const fromSomewhere = { [addressHeader]: '203.0.113.7' };

/** All of the load is one caller's, who is counted and never refused. */
const farFloods = { ADDRESS_FLOOD_LIMIT: '1000000000', KEY_FLOOD_LIMIT: '1000000000' };
const farLimits = { rpm: 1_000_000_000, tpm: 1_000_000_000 };

async function limitKeys(databaseUrl: string, limits: object): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('UPDATE api_keys SET limits = $1', [JSON.stringify(limits)]);
  await client.end();
}

/** The stack keeps a record of what it started. */
async function pidsIn(directory: string): Promise<Record<string, number>> {
  const { children } = RunRecord.parse(JSON.parse(await readFile(join(directory, 'run.json'), 'utf8')));
  return Object.fromEntries(children.filter(({ name }) => counted.has(name)).map(({ name, pid }) => [name, pid]));
}

const counted = new Set(['auth', 'chat', 'postgres']);
const RunRecord = z.object({ children: z.array(z.object({ name: z.string(), pid: z.int() })) });
const PrivateJwk = z.looseObject({ kty: z.string() });
const benchUser = {
  kind: 'user' as const,
  userId: '00000000-0000-4000-8000-00000000000a',
  keyId: '00000000-0000-4000-8000-00000000000b',
  scopes: ['chat:write' as const],
};

function chatEnv(vendorUrl: string): Record<string, string> {
  const provider = { id: 'bench', base_url: `${vendorUrl}/v1`, api_key_variable: 'BENCH_KEY', models: ['bench'] };
  // The vendor's model is in no price list, and a call that cannot be charged is refused.
  const price = JSON.stringify({ input: 1, output: 2 });
  const translated = { ANTHROPIC_API_KEY: 'bench-key', ANTHROPIC_BASE_URL: vendorUrl };
  return {
    CHAT_PROVIDERS: JSON.stringify([provider]),
    BENCH_KEY: 'bench-key',
    UNKNOWN_MODEL_PRICE: price,
    ...translated,
  };
}
