import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allChecks } from '../checks/all.ts';
import { runChecks, type CheckResult } from '../checks/check.ts';
import { printResults } from '../checks/print.ts';
import { OpsError, parseOptions, type OpsCommand } from '../command.ts';
import { addedBytes, createCompose, requireDocker, type Compose } from '../local/compose.ts';
import { waitUntilHealthy } from '../local/health.ts';
import { freePorts } from '../local/ports.ts';
import { seedKeyOnce } from '../local/seed.ts';
import { generateSigningKeys, type SigningKeys } from '../local/signing-key.ts';
import { gatewayEnvFile, planGateway, type StackPorts } from '../local/stack-plan.ts';
import { generateTokenKeys } from '../local/token-keys.ts';
import { supervise } from '../local/supervise.ts';
import { repositoryRoot } from '../repository.ts';

const maxAddedMegabytes = 120;
const baseImage = 'node:24-slim';
const images = ['gaia-auth', 'gaia-chat', 'gaia-asset', 'gaia-gateway'];

export const testComposeCommand: OpsCommand = {
  verb: 'test-compose',
  summary: 'Bring everything up in Docker, run the black-box checks, take it down.',
  usage: `npm run test:compose [-- --keep]

Builds the images, starts db, nats, the backends and the gateway on workerd under a project name, ports and secrets of
its own, and runs the checks: first through that gateway, then through \`wrangler dev\` on this machine. Also measures
what each image adds to ${baseImage}. Nothing stays behind, and your .env is neither read nor written.

  --keep   leave it running, for a look around`,
  run: async (args) => {
    const { values } = parseOptions(args, { options: { keep: { type: 'boolean', default: false } } });
    await requireDocker();
    return await testCompose(values.keep);
  },
};

type Trial = {
  directory: string;
  project: string;
  compose: Compose;
  ports: ComposePorts;
  keys: SigningKeys;
  password: string;
};
type ComposePorts = StackPorts & { db: number; nats: number; natsWebsocket: number; natsMonitor: number };

async function testCompose(keep: boolean): Promise<number> {
  const trial = await prepare();
  try {
    await trial.compose.attached('up', '--detach', '--build', '--wait', '--wait-timeout', '120');
    const apiKey = await seed(trial);
    const gatewayUrl = `http://127.0.0.1:${trial.ports.gateway}`;
    console.log('\nThrough the gateway in compose (workerd):');
    const inside = printResults([...(await runChecks(allChecks, { url: gatewayUrl, apiKey })), await sizes()]);
    console.log('\nThrough `wrangler dev` on this machine:');
    const outside = await checkThroughWrangler(trial, apiKey);
    if (inside + outside > 0) await showLogs(trial.compose);
    return Math.max(inside, outside);
  } finally {
    if (keep)
      console.log(`\nLeft running as the compose project ${trial.project}; its env file is in ${trial.directory}.`);
    else await clear(trial);
  }
}

async function prepare(): Promise<Trial> {
  const directory = await mkdtemp(join(tmpdir(), 'gaia-compose-'));
  const project = `gaia-test-${randomBytes(4).toString('hex')}`;
  const [
    auth = 0,
    chat = 0,
    asset = 0,
    gateway = 0,
    inspector = 0,
    db = 0,
    nats = 0,
    natsWebsocket = 0,
    natsMonitor = 0,
  ] = await freePorts(9);
  const ports = { auth, chat, asset, gateway, inspector, db, nats, natsWebsocket, natsMonitor };
  const keys = await generateSigningKeys();
  const password = randomBytes(24).toString('hex');
  const envFile = join(directory, 'compose.env');
  await writeFile(envFile, composeEnv(ports, { keys, tokenKeys: await generateTokenKeys(), password }), {
    mode: 0o600,
  });
  return { directory, project, compose: createCompose(project, envFile), ports, keys, password };
}

type ComposeSecrets = { keys: SigningKeys; tokenKeys: string; password: string };

function composeEnv(ports: ComposePorts, { keys, tokenKeys, password }: ComposeSecrets): string {
  const { privateKey, publicKeys } = keys;
  const values: Record<string, string | number> = {
    POSTGRES_PASSWORD: password,
    APPLICATION_DATABASE_PASSWORD: randomBytes(24).toString('hex'),
    TOKEN_SIGNING_KEYS: `'${tokenKeys}'`,
    GATEWAY_SIGNING_KEY: `'${privateKey}'`,
    GATEWAY_PUBLIC_KEYS: `'${publicKeys}'`,
    AUTH_PORT: ports.auth,
    CHAT_PORT: ports.chat,
    ASSET_PORT: ports.asset,
    GATEWAY_PORT: ports.gateway,
    DB_PORT: ports.db,
    NATS_PORT: ports.nats,
    NATS_WEBSOCKET_PORT: ports.natsWebsocket,
    NATS_MONITOR_PORT: ports.natsMonitor,
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

async function seed({ ports, password }: Trial): Promise<string> {
  const key = await seedKeyOnce(`postgresql://gaia:${password}@127.0.0.1:${ports.db}/gaia`);
  if (key === null) throw new OpsError('The database of a fresh compose project already has a key.');
  return key;
}

/** The way of a developer who runs the backends in Docker and works on the gateway. */
async function checkThroughWrangler({ directory, ports, keys }: Trial, apiKey: string): Promise<number> {
  const [gateway = 0] = await freePorts(1);
  const wranglerPorts = { ...ports, gateway };
  const envFile = join(directory, 'gateway.env');
  await writeFile(envFile, gatewayEnvFile(wranglerPorts, keys.privateKey), { mode: 0o600 });
  const plan = planGateway({
    root: repositoryRoot,
    directory,
    ports: wranglerPorts,
    privateKey: keys.privateKey,
    envFile,
    extra: {},
  });
  const wrangler = supervise(plan, {
    onLine: () => undefined,
    onDeath: () => undefined,
    onStarted: async () => undefined,
    onEnded: async () => undefined,
  });
  await wrangler.start();
  try {
    const url = `http://127.0.0.1:${gateway}`;
    await waitUntilHealthy(url, AbortSignal.timeout(30_000));
    return printResults(await runChecks(allChecks, { url, apiKey }));
  } finally {
    await wrangler.stop();
  }
}

async function sizes(): Promise<CheckResult> {
  const startedAt = performance.now();
  const added = await Promise.all(
    images.map(async (image) => ({ image, megabytes: (await addedBytes(image, baseImage)) / 1_000_000 })),
  );
  return {
    name: 'image-size',
    passed: added.every(({ megabytes }) => megabytes <= maxAddedMegabytes),
    detail: added.map(({ image, megabytes }) => `${image} +${megabytes.toFixed(0)} MB`).join(', '),
    ms: Math.round(performance.now() - startedAt),
  };
}

async function showLogs(compose: Compose): Promise<void> {
  const { stdout } = await compose.quiet('logs', '--no-color', '--tail', '40');
  console.log(`\nThe last log lines of the containers:\n${stdout}`);
}

async function clear({ compose, directory }: Trial): Promise<void> {
  const { code, stderr } = await compose.quiet('down', '--volumes', '--remove-orphans', '--timeout', '15');
  await rm(directory, { recursive: true, force: true });
  if (code !== 0) throw new OpsError(`docker compose could not take everything down: ${stderr.trim()}`);
}
