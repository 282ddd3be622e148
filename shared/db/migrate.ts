import { basename } from 'node:path';
import { runner, type RunnerOption } from 'node-pg-migrate';
import pg from 'pg';
import type { Logger } from '../log.ts';
import { MigrationError, migrationsDirectory, readMigrations, type MigrationFile } from './migration-files.ts';

export type MigrateOptions = {
  /** A direct connection, not a pooler: the lock and the transaction need one session. */
  url: string;
  direction: 'up' | 'down';
  /** How many files; without it all that are pending (up), or one (down). */
  count?: number;
  directory?: string;
  log: Logger;
};

export type MigrationState = {
  name: string;
  state: 'applied' | 'pending' | 'changed';
  sql: { up: string; down: string };
};

type Strategy = NonNullable<RunnerOption['migrationLoaderStrategies']>[number];
type MigrationLoader = Exclude<Strategy['loader'], string>;

// Any number will do, as long as every run uses the same.
const lockId = 4_241_862;

/**
 * Applies or undoes migrations and gives their names. All of a run is one transaction: when a file fails, nothing has
 * happened and nothing is recorded. A second run at the same time waits, and then finds nothing left to do.
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const { url, direction, count, directory = migrationsDirectory, log } = options;
  const files = await readMigrations(directory);
  return await withClient(url, async (client) => {
    await client.query('select pg_advisory_lock($1)', [lockId]);
    await client.query(bookkeeping);
    refuseChanged(statesOf(files, await appliedIn(client)));
    // A migration that cannot get a table must not make everybody else queue behind it.
    await client.query(`set lock_timeout = '30s'`);
    const done = await runner({
      dbClient: client,
      noLock: true, // Ours is held already, from before the checksums were compared.
      schema: 'public',
      migrationsSchema: 'ops',
      migrationsTable: 'migrations',
      dir: directory,
      ignorePattern: String.raw`(?!\d{3}_.*\.sql$).*`,
      migrationLoaderStrategies: [{ extensions: ['.sql'], loader: loaderOf(files) }],
      direction,
      ...(count === undefined ? {} : { count }),
      singleTransaction: true,
      logger: runnerLog(log),
    }).catch((error: unknown) => {
      throw failed(error);
    });
    return done.map(({ name }) => name);
  });
}

/** What has been applied to a database and what has not. Changes nothing. */
export async function migrationStatus(url: string, directory: string = migrationsDirectory): Promise<MigrationState[]> {
  const files = await readMigrations(directory);
  return await withClient(url, async (client) => {
    const { rows } = await client.query<{ known: boolean }>(
      `select to_regclass('ops.migrations') is not null and to_regclass('ops.migration_checksums') is not null as known`,
    );
    return statesOf(files, rows[0]?.known ? await appliedIn(client) : new Map());
  });
}

const bookkeeping = `
  create schema if not exists ops;
  create table if not exists ops.migration_checksums (name text primary key, sha256 text not null);
  create table if not exists ops.migrations (
    id serial primary key, name varchar(255) not null, run_on timestamp not null
  )`;

/** Applied names -> the checksum of the file at that time; null where another tool applied it. */
async function appliedIn(client: pg.Client): Promise<Map<string, string | null>> {
  const { rows } = await client.query<{ name: string; sha256: string | null }>(
    'select name, sha256 from ops.migrations left join ops.migration_checksums using (name) order by id',
  );
  return new Map(rows.map(({ name, sha256 }) => [name, sha256]));
}

function statesOf(files: readonly MigrationFile[], applied: ReadonlyMap<string, string | null>): MigrationState[] {
  return files.map(({ name, sha256, up, down }) => {
    const recorded = applied.get(name);
    if (recorded === undefined) return { name, state: 'pending', sql: { up, down } };
    return { name, state: (recorded ?? sha256) === sha256 ? 'applied' : 'changed', sql: { up, down } };
  });
}

function refuseChanged(states: readonly MigrationState[]): void {
  const changed = states.find(({ state }) => state === 'changed');
  if (!changed) return;
  throw new MigrationError(
    `${changed.name}.sql has changed since it was applied to this database. Restore it and write a new migration.`,
  );
}

/** Gives the runner the very text that was verified, and records its checksum in the same transaction. */
function loaderOf(files: readonly MigrationFile[]): MigrationLoader {
  const byFile = new Map(files.map((file) => [`${file.name}.sql`, file]));
  return async (paths) =>
    await Promise.all(
      paths.map(async (path) => {
        const file = byFile.get(basename(path));
        if (!file)
          throw new MigrationError(`${basename(path)} appeared while the migrations were being read. Try again.`);
        const { name, sha256, up, down } = file;
        const record = `insert into ops.migration_checksums (name, sha256) values ('${name}', '${sha256}')`;
        const forget = `delete from ops.migration_checksums where name = '${name}'`;
        return {
          id: path,
          filePaths: [path],
          actions: {
            up: (pgm) =>
              pgm.sql(`${up}
;${record}`),
            down: (pgm) =>
              pgm.sql(`${down}
;${forget}`),
          },
        };
      }),
    );
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined); // The query that is running rejects; this event alone would end the process.
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end().catch(() => undefined); // Ending the session releases the lock as well.
  }
}

function failed(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const hint = 'hint' in error && typeof error.hint === 'string' ? ` ${error.hint}` : '';
  return new MigrationError(`Nothing was changed, because a migration failed: ${error.message}${hint}`, {
    cause: error,
  });
}

function runnerLog(log: Logger): Record<'debug' | 'info' | 'warn' | 'error', (message: string) => void> {
  return {
    debug: () => undefined,
    info: (message) => log.debug(message),
    warn: (message) => log.warn(message),
    error: (message) => log.error(message.trim().slice(-2_000)),
  };
}
