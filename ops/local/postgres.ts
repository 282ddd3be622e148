import { access, chown, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { randomBase62 } from '../../shared/id.ts';
import { run, start, type Running } from '../run.ts';
import { findPostgres, type PostgresTools } from './postgres-binaries.ts';
import { freePorts, isPortFree } from './ports.ts';
import { explainFailure, isMemoryInUse, isPortTaken } from './postgres-failure.ts';
import { stopLeftover } from './postgres-leftover.ts';
import { writePrivateFile } from './private-file.ts';

export type LocalPostgres = {
  url: string;
  port: number;
  process: Running;
  /** Closes all connections and resolves when nothing of it runs any more. */
  stop: () => Promise<void>;
};

export type LocalPostgresOptions = {
  /** Holds the data (`data/`) and the password of the superuser; made when it is not there. */
  directory: string;
  /** Another one is taken when this is not free. */
  port?: number;
  /** The database of `url`; made when it is not there. */
  database?: string;
  /** A folder with other binaries than those npm installed. */
  binaries?: string;
  /** For tests: a power cut may destroy the data. */
  fastAndLossy?: boolean;
  onProgress?: (text: string) => void;
};

const startWithinMs = 60_000;
const stopWithinMs = 10_000;

/** Starts a real Postgres on 127.0.0.1, on whatever data an earlier run left in the directory. */
export async function startPostgres(options: LocalPostgresOptions): Promise<LocalPostgres> {
  const directory = resolve(options.directory);
  const data = join(directory, 'data');
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new Error(`${directory} cannot be made: choose a folder that this user may write.`, { cause });
  });
  const tools = await findPostgres(data, options.binaries);
  await stopLeftover(data);
  const password = await preparedData(directory, tools, options);
  options.onProgress?.('starting Postgres');
  const { server, port } = await launched(data, tools, options);
  const stop = async (): Promise<void> => await server.stop('SIGINT', stopWithinMs);
  const database = options.database ?? 'gaia';
  const urlOf = (name: string): string => `postgres://postgres:${password}@127.0.0.1:${port}/${name}`;
  try {
    await ensureDatabase(urlOf('postgres'), database);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: urlOf(database), port, process: server, stop };
}

/** Makes the data folder on first use, under another name until it is complete, and gives the password. */
async function preparedData(directory: string, tools: PostgresTools, options: LocalPostgresOptions): Promise<string> {
  const data = join(directory, 'data');
  const passwordFile = join(directory, 'password');
  if (await exists(join(data, 'PG_VERSION'))) {
    return await readFile(passwordFile, 'utf8').catch((cause: unknown) => {
      throw new Error(`${passwordFile} cannot be read: put it back, or delete ${directory} and start again.`, {
        cause,
      });
    });
  }
  options.onProgress?.('making the database folder');
  const unfinished = `${data}.unfinished`;
  const password = randomBase62(24);
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  await writePrivateFile(passwordFile, password);
  if (tools.owner !== null) {
    for (const path of [directory, unfinished, passwordFile]) await chown(path, tools.owner, tools.owner);
  }
  // The built-in locale sorts and compares alike on every machine; older servers do not have it.
  const locale = options.binaries ? [] : ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const fixed = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync'];
  const { code, stdout, stderr } = await run({
    argv: [...tools.initdb, `--pgdata=${unfinished}`, `--pwfile=${passwordFile}`, ...fixed, ...locale],
    env: plainLocale,
  });
  if (code !== 0) throw new Error(explainFailure(stdout + stderr, data));
  await rename(unfinished, data).catch((cause: unknown) => {
    throw new Error(`${data} holds something that this user cannot read: give it to this user, or delete it.`, {
      cause,
    });
  });
  return password;
}

async function launched(
  data: string,
  tools: PostgresTools,
  options: LocalPostgresOptions,
): Promise<{ server: Running; port: number }> {
  let port = options.port && (await isPortFree(options.port)) ? options.port : await freePort();
  const deadline = Date.now() + startWithinMs;
  for (;;) {
    const attempt = await launch(data, port, tools, options.fastAndLossy ?? false);
    if (attempt.isReady) return { server: attempt.server, port };
    const mayRetry = isPortTaken(attempt.output) || isMemoryInUse(attempt.output);
    if (!mayRetry || Date.now() > deadline) throw new Error(explainFailure(attempt.output, data));
    if (isPortTaken(attempt.output)) port = await freePort();
    await delay(100);
  }
}

type Attempt = { isReady: true; server: Running } | { isReady: false; output: string };

async function launch(data: string, port: number, tools: PostgresTools, isLossy: boolean): Promise<Attempt> {
  const settings = { ...commonSettings, ...(isLossy ? lossySettings : {}) };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = await start({
    argv: [...tools.postgres, '-D', data, '-p', String(port), ...flags],
    env: plainLocale,
  });
  const lines: string[] = [];
  const ready = new Promise<'ready'>((resolve) => {
    server.onLine((line) => {
      if (lines.length < 100) lines.push(line);
      if (line.includes('database system is ready to accept connections')) resolve('ready');
    });
  });
  const tooLate = new AbortController();
  const timeout = delay(startWithinMs, 'late' as const, { signal: tooLate.signal }).catch(() => 'late' as const);
  const outcome = await Promise.race([ready, timeout, server.exited]);
  tooLate.abort();
  if (outcome === 'ready') return { isReady: true, server };
  await server.stop('SIGQUIT', 2_000);
  return { isReady: false, output: lines.join('\n') };
}

// What it says is read by us, so it has to be English whatever the user's language.
const plainLocale = { LC_ALL: 'C', LANGUAGE: 'C' };

const commonSettings = {
  // In files of its folder: a server that was killed would leave POSIX's shared memory to the machine.
  dynamic_shared_memory_type: 'mmap',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
};

const lossySettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
};

async function ensureDatabase(adminUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  if (port === undefined) throw new Error('This machine has no free port: close some programs and try again.');
  return port;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
