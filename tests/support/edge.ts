import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { generateSigningKeys } from '../../ops/local/signing-key.ts';
import { workerdBinary } from '../../ops/local/workerd.ts';
import { repositoryRoot } from '../../ops/repository.ts';
import { start, type Running } from '../../ops/run.ts';
import { copyGatewayBundle } from './gateway-bundle.ts';

export type Edge = AsyncDisposable & {
  port: number;
  url: string;
  /** What the backends behind it trust. */
  publicKeys: z.infer<typeof PublicKeys>;
  logLines: string[];
};

export type EdgePorts = { auth: number; chat: number; asset: number };

const PublicKeys = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });
const Listening = z.object({ event: z.literal('listen'), port: z.number() });

/** workerd would outlive a test run that is killed. This ends it when we are gone, and with us the pipe of its input. */
const onALeash = ['sh', '-c', 'exec 4<&0; (read -r _ <&4; kill -KILL $$) & exec "$@"', 'sh'] as const;

/** The gateway as it is deployed, alone on plain workerd, in front of whatever listens on these ports. */
export async function startEdge(ports: EdgePorts, vars: Record<string, string> = {}): Promise<Edge> {
  const directory = await mkdtemp(join(tmpdir(), 'gaia-edge-'));
  const keys = await generateSigningKeys();
  await Promise.all([
    copyGatewayBundle(directory),
    writeConfig(directory, {
      ENVIRONMENT: 'local',
      AUTH_SERVICE_URL: `http://127.0.0.1:${ports.auth}`,
      CHAT_SERVICE_URL: `http://127.0.0.1:${ports.chat}`,
      ASSET_SERVICE_URL: `http://127.0.0.1:${ports.asset}`,
      GATEWAY_SIGNING_KEY: keys.privateKey,
      ...vars,
    }),
  ]);
  const workerd = await start({
    argv: [
      ...onALeash,
      workerdBinary,
      'serve',
      join(directory, 'config.capnp'),
      '--socket-addr=http=127.0.0.1:0',
      '--control-fd=3',
    ],
    ipc: true,
  });
  const logLines: string[] = [];
  workerd.onLine((line) => logLines.push(line));
  const port = await listeningPort(workerd, logLines);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    publicKeys: PublicKeys.parse(JSON.parse(keys.publicKeys)),
    logLines,
    [Symbol.asyncDispose]: async () => {
      await workerd.stop('SIGTERM', 1_000);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The committed configuration, with these bindings instead of the environment's. */
async function writeConfig(directory: string, vars: Record<string, string>): Promise<void> {
  const committed = await readFile(join(repositoryRoot, 'edge-gateway/workerd.capnp'), 'utf8');
  const bindings = Object.entries(vars).map(([name, value]) => `(name = "${name}", text = ${JSON.stringify(value)}),`);
  const config = committed
    .replace(/embed "[^"]*worker\.js"/, 'embed "worker.js"')
    .replace(/bindings = \[[^\]]*\]/, () => `bindings = [${bindings.join('\n')}]`);
  await writeFile(join(directory, 'config.capnp'), config);
}

/** workerd tells its ports on a control channel, a line of JSON each, which is what Node's IPC reads. */
async function listeningPort(workerd: Running, logLines: readonly string[]): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  workerd.onMessage((message) => {
    const listening = Listening.safeParse(message);
    if (listening.success) resolve(listening.data.port);
  });
  const ended = workerd.exited.then(() => null);
  const port = await Promise.race([promise, ended]);
  if (port === null) throw new Error(`workerd did not start: ${logLines.join('\n')}`);
  return port;
}
