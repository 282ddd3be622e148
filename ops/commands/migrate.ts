import { createLogger } from '../../shared/log.ts';
import { migrate, migrationStatus, type MigrationState } from '../../shared/db/migrate.ts';
import { MigrationError, updateManifest } from '../../shared/db/migration-files.ts';
import { OpsError, parseOptions, UsageError, type OpsCommand } from '../command.ts';

type Plan = { direction: 'up' | 'down'; count?: number };

/** Applies the files in migrations/ to the database, or undoes them. */
export const migrateCommand: OpsCommand = {
  verb: 'migrate',
  summary: 'Bring the database to the state that this version needs.',
  usage: `migrate [--status | --dry-run]      apply all migrations that are pending
migrate --down [n] [--dry-run]      undo the last n (1 if not said)
migrate --update-manifest           after adding a file: list it with its checksum

The database is DIRECT_DATABASE_URL, or DATABASE_URL where that is not set. A run is one transaction: when a
file fails, nothing has changed. Two runs at once: one waits.

  --status     say what is applied and what is pending, and change nothing
  --dry-run    print the SQL that would run, and change nothing`,
  readsDotEnv: true,
  run: async (args) => {
    try {
      return await runMigrate(args);
    } catch (error) {
      if (error instanceof MigrationError) throw new OpsError(error.message, { cause: error });
      if (isUnreachable(error)) {
        throw new OpsError(`The database cannot be reached (${error.code}). Is it running, and is the URL right?`, {
          cause: error,
        });
      }
      throw error;
    }
  },
};

async function runMigrate(args: string[]): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    allowPositionals: true,
    options: {
      down: { type: 'boolean', default: false },
      status: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      'update-manifest': { type: 'boolean', default: false },
    },
  });
  const plan = planOf(values.down, positionals);
  if (values['update-manifest']) return await printAdded();
  const url = databaseUrl();
  if (values.status) return await printStatus(url);
  return values['dry-run'] ? await printPlan(url, plan) : await apply(url, plan);
}

function planOf(down: boolean, positionals: string[]): Plan {
  const [count, ...rest] = positionals;
  if (rest.length > 0 || (count !== undefined && !down)) throw new UsageError('Only --down takes a number.');
  if (!down) return { direction: 'up' };
  if (count !== undefined && !/^[1-9]\d{0,3}$/.test(count)) throw new UsageError(`'${count}' is no number of files.`);
  return { direction: 'down', count: Number(count ?? 1) };
}

async function apply(url: string, plan: Plan): Promise<number> {
  const log = createLogger({ service: 'migrate', level: 'warn', write: (line) => console.error(line) });
  const names = await migrate({ url, ...plan, log });
  for (const name of names) console.log(`${plan.direction === 'up' ? 'applied' : 'undone '}  ${name}`);
  if (names.length === 0) console.log('Nothing to do.');
  return 0;
}

async function printStatus(url: string): Promise<number> {
  const states = await migrationStatus(url);
  for (const { state, name } of states) console.log(`${state.padEnd(8)} ${name}`);
  return states.some(({ state }) => state === 'changed') ? 1 : 0;
}

async function printPlan(url: string, plan: Plan): Promise<number> {
  const states = planned(await migrationStatus(url), plan);
  for (const { name, sql } of states) console.log(`-- ${name} (${plan.direction})\n${sql[plan.direction].trim()}\n`);
  if (states.length === 0) console.log('Nothing to do.');
  return 0;
}

function planned(states: readonly MigrationState[], { direction, count = 1 }: Plan): MigrationState[] {
  if (direction === 'up') return states.filter(({ state }) => state === 'pending');
  return states
    .filter(({ state }) => state !== 'pending')
    .slice(-count)
    .toReversed();
}

async function printAdded(): Promise<number> {
  const added = await updateManifest();
  for (const name of added) console.log(`added    ${name}`);
  if (added.length === 0) console.log('The manifest lists every file already.');
  return 0;
}

function databaseUrl(): string {
  // An empty variable counts as one that is not set, as everywhere else.
  const url = process.env['DIRECT_DATABASE_URL'] || process.env['DATABASE_URL'];
  if (!url) throw new OpsError('Set DATABASE_URL (or DIRECT_DATABASE_URL) to the database that is meant.');
  return url;
}

function isUnreachable(error: unknown): error is Error & { code: string } {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  return /^(?:ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOST|ENET|28|3D000|57P03)/.test(error.code);
}
