import { createLogger } from '#shared/log.ts';
import { ensureApplicationLogin } from '#shared/db/application-role.ts';
import { migrate } from '#shared/db/migrate.ts';
import { printLogLine } from '#shared/service/print-log-line.ts';
import { readMigrationConfig } from './config.ts';

// The release command of a deployment: runs before any new container takes traffic, and exits 1 when it could not.
const log = createLogger({ service: 'migrate', level: 'info', write: printLogLine });
try {
  const { url, applicationPassword } = readMigrationConfig();
  const applied = await migrate({ url, direction: 'up', log });
  if (applicationPassword !== undefined) await ensureApplicationLogin(url, applicationPassword);
  log.info('the database is up to date', { count: applied.length });
} catch (error) {
  log.error('the database could not be brought up to date', { error });
  process.exitCode = 1;
}
