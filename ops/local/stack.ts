import { join } from 'node:path';
import type { ServiceName } from '#shared/identity/assertion.ts';
import { OpsError } from '../command.ts';
import { repositoryRoot } from '../repository.ts';
import { createDataLayer, type DataFacts, type DataLayer } from './data-layer.ts';
import { waitUntilHealthy } from './health.ts';
import { freePorts, isPortFree } from './ports.ts';
import { writePrivateFile } from './private-file.ts';
import { claimDirectory, type RunRecord } from './run-record.ts';
import { signingKeysOf, type SigningKeys } from './signing-key.ts';
import {
  gatewayEnvFile,
  planBackends,
  planGateway,
  urlOf,
  type ExtraEnv,
  type StackPorts,
  type StackService,
} from './stack-plan.ts';
import { tokenKeysOf } from './token-keys.ts';
import { supervise, type Supervised, type SuperviseHooks } from './supervise.ts';

export type StackEvents = {
  /** Tells, from the first moment on, whom a hard end must kill. */
  onClaim: (pids: () => number[]) => void;
  /** Something is up, and took this long. */
  onStep: (name: string, ms: number) => void;
  onProgress: (message: string) => void;
  onLine: (service: StackService, line: string) => void;
  /** Something that ran (a service, Postgres, NATS) ended although nobody asked it to. The others go on: its owner decides. */
  onDeath: (name: string, how: string) => void;
};

export type StackOptions = {
  /** Database, keys and the record of what runs live below it. */
  directory: string;
  /** The gateway's port; 0 takes a free one. */
  port: number;
  /** False runs without NATS even where there is a server. */
  nats?: boolean;
  /** For tests: a database that does not survive a power cut, and starts sooner. */
  fastAndLossy?: boolean;
  /** Postgres gets it when it is free, so that a psql command stays the same; otherwise any. */
  databasePort?: number;
  extraEnv?: ExtraEnv;
  /** For tests: other ways to the database than the direct one, such as through a proxy with faults. */
  databaseUrls?: (url: string) => Promise<Partial<Record<ServiceName, string>>>;
  /** Ends a start that is under way. */
  signal?: AbortSignal;
  events?: Partial<StackEvents>;
};

export type Stack = DataFacts & {
  gatewayUrl: string;
  urls: Record<StackService, string>;
  /** The leaders of the process groups that are ours. */
  pids: () => number[];
  stop: () => Promise<void>;
  /** Gracefully, and back on the same port; also brings back what was killed. */
  restart: (service: StackService) => Promise<void>;
  /** With SIGKILL; it stays down until `restart`. */
  kill: (service: StackService) => Promise<void>;
};

type Parts = { record: RunRecord; data: DataLayer; services: Map<StackService, Supervised> };
type Basis = { ports: StackPorts; keys: SigningKeys; tokenKeys: string; signal: AbortSignal };

/**
 * The whole of Gaia on this machine: Postgres, NATS where there is one, three backends and the gateway, all on
 * 127.0.0.1. Resolves when the gateway's `/health` is 200; when it cannot, everything is stopped again.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const record = await claimDirectory(options.directory);
  options.events?.onClaim?.(record.pids);
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal ? [options.signal] : [])]);
  const parts: Parts = { record, services: new Map(), data: dataLayer(options, record, signal) };
  try {
    const ports = await choosePorts(options.port);
    const [keys, tokenKeys] = await Promise.all([signingKeysOf(options.directory), tokenKeysOf(options.directory)]);
    const facts = await unlessAborted(signal, bringUp(options, parts, { ports, keys, tokenKeys, signal }));
    return { ...facts, ...controls(parts), gatewayUrl: urlOf('gateway', ports), urls: urlsOf(ports) };
  } catch (error) {
    failed.abort(error);
    await stopAll(parts);
    throw error;
  }
}

/** wrangler boots while Postgres and then the backends come up: most of a start is waiting. */
async function bringUp(options: StackOptions, parts: Parts, basis: Basis): Promise<DataFacts> {
  const { ports, signal } = basis;
  const backends = async (): Promise<DataFacts> => {
    const facts = await parts.data.start();
    signal.throwIfAborted();
    await timed(options, 'backends', startBackends(options, parts, basis, facts));
    return facts;
  };
  const [facts] = await Promise.all([backends(), timed(options, 'gateway', startGateway(options, parts, basis))]);
  await timed(options, 'health', waitUntilHealthy(urlOf('gateway', ports), signal));
  return facts;
}

async function startBackends(options: StackOptions, parts: Parts, basis: Basis, facts: DataFacts): Promise<void> {
  const plans = planBackends({
    root: repositoryRoot,
    ports: basis.ports,
    databaseUrl: facts.applicationUrl,
    databaseUrls: (await options.databaseUrls?.(facts.applicationUrl)) ?? {},
    tokenKeys: basis.tokenKeys,
    mailDirectory: join(options.directory, 'mail'),
    natsUrl: facts.natsUrl,
    publicKeys: basis.keys.publicKeys,
    extraEnv: options.extraEnv ?? {},
  });
  const services = plans.map((plan) => supervise(plan, hooks(options, parts.record)));
  for (const service of services) parts.services.set(service.name, service);
  await Promise.all(services.map((service) => service.start()));
}

async function startGateway(options: StackOptions, parts: Parts, { ports, keys, signal }: Basis): Promise<void> {
  const { directory, extraEnv } = options;
  const envFile = join(directory, 'gateway.env');
  await writePrivateFile(envFile, gatewayEnvFile(ports, keys.privateKey));
  signal.throwIfAborted();
  const { privateKey } = keys;
  const extra = extraEnv?.gateway ?? {};
  const plan = planGateway({ root: repositoryRoot, directory, ports, privateKey, envFile, extra });
  const gateway = supervise(plan, hooks(options, parts.record));
  parts.services.set('gateway', gateway);
  await gateway.start();
}

function controls({ record, services, data }: Parts): Pick<Stack, 'pids' | 'stop' | 'restart' | 'kill'> {
  const serviceOf = (name: StackService): Supervised => {
    const service = services.get(name);
    if (!service) throw new Error(`there is no service '${name}'`);
    return service;
  };
  return {
    pids: record.pids,
    stop: () => stopAll({ record, services, data }),
    kill: (name) => serviceOf(name).kill(),
    restart: async (name) => {
      await serviceOf(name).stop();
      await serviceOf(name).start();
    },
  };
}

/** From the edge inwards, so that nothing loses what it still needs. */
async function stopAll({ record, services, data }: Parts): Promise<void> {
  await services.get('gateway')?.stop();
  await Promise.all(Array.from(services.values(), (service) => service.stop()));
  await data.stop();
  await record.release();
}

function dataLayer(options: StackOptions, record: RunRecord, signal: AbortSignal): DataLayer {
  const { directory, nats = true, fastAndLossy = false, databasePort, events } = options;
  return createDataLayer({
    directory,
    record,
    nats,
    fastAndLossy,
    databasePort,
    signal,
    onProgress: (message) => events?.onProgress?.(message),
    onDeath: (name, how) => events?.onDeath?.(name, how),
    onStep: (name, work) => timed(options, name, work),
  });
}

function hooks({ events }: StackOptions, record: RunRecord): SuperviseHooks {
  return {
    onLine: (service, line) => events?.onLine?.(service, line),
    onDeath: (service, how) => events?.onDeath?.(service, how),
    onStarted: (service, pid) => record.add(service, pid),
    onEnded: (_service, pid) => record.remove(pid),
  };
}

async function choosePorts(wanted: number): Promise<StackPorts> {
  if (wanted !== 0 && !(await isPortFree(wanted))) {
    throw new OpsError(
      `Port ${wanted} is taken: stop what listens there, or choose another with \`npm start -- --port N\`.`,
    );
  }
  const [auth = 0, chat = 0, asset = 0, inspector = 0, free = 0] = await freePorts(5);
  return { auth, chat, asset, inspector, gateway: wanted === 0 ? free : wanted };
}

function urlsOf(ports: StackPorts): Record<StackService, string> {
  return {
    auth: urlOf('auth', ports),
    chat: urlOf('chat', ports),
    asset: urlOf('asset', ports),
    gateway: urlOf('gateway', ports),
  };
}

async function timed<T>({ events }: StackOptions, name: string, work: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await work;
  events?.onStep?.(name, performance.now() - startedAt);
  return result;
}

/** Rejects as soon as the signal does; what the work started is for `stopAll` to end. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const give = (): void => reject(signal.reason);
  signal.addEventListener('abort', give, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', give);
  }
}
