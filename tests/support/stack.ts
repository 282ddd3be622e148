import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureApplicationLogin } from '#shared/db/application-role.ts';
import { randomBase62 } from '#shared/id.ts';
import type { ServiceName } from '#shared/identity/assertion.ts';
import { waitUntilHealthy } from '../../ops/local/health.ts';
import { seedDevUser } from '../../ops/local/seed.ts';
import { generateSigningKeys, type SigningKeys } from '../../ops/local/signing-key.ts';
import { planBackends, urlOf, type ExtraEnv, type StackPorts, type StackService } from '../../ops/local/stack-plan.ts';
import { supervise, type Supervised, type SuperviseHooks } from '../../ops/local/supervise.ts';
import { generateTokenKeys } from '../../ops/local/token-keys.ts';
import { repositoryRoot } from '../../ops/repository.ts';
import { startEdge } from './edge.ts';
import { ownPorts } from './own-ports.ts';
import { createTestDatabase } from './postgres.ts';

export type TestStackOptions = {
  extraEnv?: ExtraEnv;
  /** Other ways to the database than the direct one, such as through a proxy with faults. */
  databaseUrls?: (url: string) => Promise<Partial<Record<ServiceName, string>>>;
  onLine?: (service: StackService, line: string) => void;
  /** A backend ended although nobody asked it to. */
  onDeath?: (service: StackService, how: string) => void;
};

export type TestStack = AsyncDisposable & {
  gatewayUrl: string;
  urls: Record<ServiceName, string>;
  /** As the owner. */
  databaseUrl: string;
  /** As the backends. */
  applicationUrl: string;
  /** Of the development user, who is an administrator. */
  key: string;
  /** What the gateway signs with, and what backends trust. */
  keys: SigningKeys;
  pidOf: (service: ServiceName) => number;
  stop: () => Promise<void>;
  /** Gracefully, and back on the same port; also brings back what was killed. */
  restart: (service: ServiceName) => Promise<void>;
  /** With SIGKILL; it stays down until `restart`. */
  kill: (service: ServiceName) => Promise<void>;
};

/**
 * The whole of Gaia for one test file, on free ports: three backends as they are deployed, on a database of their own
 * in the run's Postgres, and before them the gateway as it is deployed, on plain workerd. Without NATS.
 */
export async function startTestStack(options: TestStackOptions = {}): Promise<TestStack> {
  const cleanUp = new AsyncDisposableStack();
  try {
    const directory = await mkdtemp(join(tmpdir(), 'gaia-stack-'));
    cleanUp.defer(async () => await rm(directory, { recursive: true, force: true }));
    const database = cleanUp.adopt(await createTestDatabase(), async ({ drop }) => await drop());
    const [key, keys, ports] = await Promise.all([
      seedDevUser(database.url, directory),
      generateSigningKeys(),
      choosePorts(),
    ]);
    // Logins belong to all databases of a server, so each stack has one of its own.
    const login = `service_${randomBase62(12).toLowerCase()}`;
    const applicationUrl = await ensureApplicationLogin(database.url, randomBase62(32), login);
    const basis = { directory, applicationUrl, keys, ports };
    const { start, stop: stopBackends, ...controls } = await backendsOf(options, basis);
    cleanUp.defer(stopBackends);
    const vars = { LOG_LEVEL: 'info', GATEWAY_SIGNING_KEY: keys.privateKey, ...options.extraEnv?.gateway };
    const edge = cleanUp.use(await startEdge(ports, vars));
    await start();
    await waitUntilHealthy(edge.url, new AbortController().signal);
    const stop = async (): Promise<void> => await cleanUp.disposeAsync();
    return {
      gatewayUrl: edge.url,
      urls: { auth: urlOf('auth', ports), chat: urlOf('chat', ports), asset: urlOf('asset', ports) },
      databaseUrl: database.url,
      applicationUrl,
      key,
      keys,
      ...controls,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await cleanUp.disposeAsync();
    throw error;
  }
}

type Basis = { directory: string; applicationUrl: string; keys: SigningKeys; ports: StackPorts };
type Backends = Pick<TestStack, 'pidOf' | 'restart' | 'kill' | 'stop'> & { start: () => Promise<void> };

async function backendsOf(options: TestStackOptions, basis: Basis): Promise<Backends> {
  const { directory, applicationUrl, keys, ports } = basis;
  const pids = new Map<StackService, number>();
  const plans = planBackends({
    root: repositoryRoot,
    ports,
    databaseUrl: applicationUrl,
    databaseUrls: (await options.databaseUrls?.(applicationUrl)) ?? {},
    tokenKeys: await generateTokenKeys(),
    mailDirectory: join(directory, 'mail'),
    natsUrl: 'disabled',
    publicKeys: keys.publicKeys,
    extraEnv: options.extraEnv ?? {},
  });
  const hooks: SuperviseHooks = {
    onLine: (service, line) => options.onLine?.(service, line),
    onDeath: (service, how) => options.onDeath?.(service, how),
    onStarted: async (service, pid) => void pids.set(service, pid),
    onEnded: async (service) => void pids.delete(service),
  };
  const backends = new Map<StackService, Supervised>(plans.map((plan) => [plan.name, supervise(plan, hooks)]));
  const backendOf = (name: ServiceName): Supervised => backends.get(name) ?? never(name);
  const all = async (work: (backend: Supervised) => Promise<void>): Promise<void> =>
    void (await Promise.all(Array.from(backends.values(), work)));
  return {
    pidOf: (name) => pids.get(name) ?? never(name),
    start: async () => await all(async (backend) => await backend.start()),
    stop: async () => await all(async (backend) => await backend.stop()),
    kill: async (name) => await backendOf(name).kill(),
    restart: async (name) => {
      await backendOf(name).stop();
      await backendOf(name).start();
    },
  };
}

async function choosePorts(): Promise<StackPorts> {
  const [auth = 0, chat = 0, asset = 0] = await ownPorts(3);
  return { auth, chat, asset, gateway: 0, inspector: 0 };
}

function never(name: string): never {
  throw new Error(`${name} does not run`);
}
