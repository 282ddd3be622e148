import { createLogger } from '#shared/log.ts';
import { migrate } from '#shared/db/migrate.ts';
import { printLogLine } from '#shared/service/print-log-line.ts';
import { readMigrationConfig } from './config.ts';

// The release command of a deployment: runs before any new container takes traffic, and exits 1 when it could not.
const log = createLogger({ service: 'migrate', level: 'info', write: printLogLine });
try {
  const applied = await migrate({ url: readMigrationConfig().url, direction: 'up', log });
  log.info('the database is up to date', { count: applied.length });
} catch (error) {
  log.error('the migration failed and changed nothing', { error });
  process.exitCode = 1;
}
