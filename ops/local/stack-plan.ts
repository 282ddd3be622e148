import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { services, type ServiceName } from '#shared/identity/assertion.ts';

export type StackService = ServiceName | 'gateway';

/** One process of the stack as data. Secrets are in `env`, never in `argv`. */
export type ServicePlan = {
  name: StackService;
  argv: readonly [string, ...string[]];
  env: Record<string, string>;
  port: number;
  /** What the process says on its IPC channel once it listens. */
  readyMessage: string;
};

export type StackPorts = Record<StackService, number> & { inspector: number };
export type ExtraEnv = Partial<Record<StackService, Record<string, string>>>;

export type GatewayInputs = {
  root: string;
  directory: string;
  ports: StackPorts;
  privateKey: string;
  envFile: string;
  extra: Record<string, string>;
};

export type BackendInputs = {
  root: string;
  ports: StackPorts;
  databaseUrl: string;
  /** Of those that have another way to it. */
  databaseUrls?: Partial<Record<ServiceName, string>>;
  natsUrl: string;
  publicKeys: string;
  /** What auth signs sessions with. */
  tokenKeys: string;
  /** Where auth writes mails instead of sending them. */
  mailDirectory: string;
  extraEnv: ExtraEnv;
};

const host = '127.0.0.1';

export function urlOf(service: StackService, ports: StackPorts): string {
  return `http://${host}:${ports[service]}`;
}

/** The three backends, as `docker compose` runs them but on ports and services of this machine. */
export function planBackends({ root, ports, extraEnv, ...inputs }: BackendInputs): ServicePlan[] {
  return services.map((name) => ({
    name,
    argv: [process.execPath, join(root, 'backends', name, 'src/main.ts')],
    port: ports[name],
    readyMessage: 'ready',
    env: {
      ENVIRONMENT: 'local',
      HOST: host,
      PORT: String(ports[name]),
      LOG_LEVEL: 'info',
      DRAIN_SECONDS: '5',
      DATABASE_URL: inputs.databaseUrls?.[name] ?? inputs.databaseUrl,
      NATS_URL: inputs.natsUrl,
      NATS_SUBJECT_PREFIX: '',
      GATEWAY_PUBLIC_KEYS: inputs.publicKeys,
      ...onlyHere(name, inputs),
      ...extraEnv[name],
    },
  }));
}

type OwnInputs = Pick<BackendInputs, 'tokenKeys' | 'mailDirectory'>;

/** What only one backend gets: nobody holds a secret of another. */
function onlyHere(name: ServiceName, { tokenKeys, mailDirectory }: OwnInputs): Record<string, string> {
  const own: Partial<Record<ServiceName, Record<string, string>>> = {
    auth: { TOKEN_SIGNING_KEYS: tokenKeys, MAIL_DIRECTORY: mailDirectory },
    chat: { LOCAL_PROVIDER: 'enabled' },
  };
  return own[name] ?? {};
}

/** The gateway in `wrangler dev`: workerd, as in production, and without a network. */
export function planGateway({ root, directory, ports, privateKey, envFile, extra }: GatewayInputs): ServicePlan {
  const leash = pathToFileURL(join(root, 'ops/local/leash.ts')).href;
  const options: Record<string, string> = {
    '--config': join(root, 'wrangler.toml'),
    '--env-file': envFile,
    '--ip': host,
    '--port': String(ports.gateway),
    '--inspector-port': String(ports.inspector),
    '--persist-to': join(directory, 'wrangler'),
    '--show-interactive-dev-session': 'false',
  };
  return {
    name: 'gateway',
    argv: [
      process.execPath,
      '--import',
      leash,
      join(root, 'node_modules/wrangler/bin/wrangler.js'),
      'dev',
      ...Object.entries(options).map(([name, value]) => `${name}=${value}`),
      // wrangler takes from the file only what wrangler.toml declares; settings for one run come like this.
      ...Object.entries(extra).flatMap(([name, value]) => ['--var', `${name}:${value}`]),
    ],
    port: ports.gateway,
    readyMessage: 'DEV_SERVER_READY',
    env: {
      // Also here, where it wins over one that `.env` brought into our own environment.
      GATEWAY_SIGNING_KEY: privateKey,
      WRANGLER_SEND_METRICS: 'false',
      WRANGLER_LOG_PATH: join(directory, 'wrangler-logs'),
      WRANGLER_REGISTRY_PATH: join(directory, 'wrangler-registry'),
    },
  };
}

/** The text of the gateway's `--env-file`. JSON goes into single quotes, which it never contains in our keys. */
export function gatewayEnvFile(ports: StackPorts, privateKey: string): string {
  const values: Record<string, string> = {
    ENVIRONMENT: 'local',
    LOG_LEVEL: 'info',
    AUTH_SERVICE_URL: urlOf('auth', ports),
    CHAT_SERVICE_URL: urlOf('chat', ports),
    ASSET_SERVICE_URL: urlOf('asset', ports),
    GATEWAY_SIGNING_KEY: `'${privateKey}'`,
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
