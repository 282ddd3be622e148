import { connect } from '#shared/db/connect.ts';
import { startOutboxRelay } from '#shared/events/outbox.ts';
import { createLogger } from '#shared/log.ts';
import { printLogLine } from '#shared/service/print-log-line.ts';
import { runService } from '#shared/service/run-service.ts';
import { startService } from '#shared/service/start-service.ts';
import { createApp } from './app.ts';
import { readConfig } from './config.ts';
import { createApiReference } from './docs/api-reference.ts';
import { identityFor } from './identity-for.ts';
import { keyEnvironmentOf } from './keys/key-environment.ts';
import { createMailer } from './mail/mailer.ts';
import { senderFor } from './mail/sender-for.ts';
import { startRevocationFeed } from './revocations/revocation-feed.ts';
import { createDisabledUsers } from './store/disabled-users.ts';
import { createKeyRepository } from './store/key-repository.ts';
import { createManagementStores } from './store/management-stores.ts';
import { createRevocationNotices } from './store/revocation-notices.ts';
import { createSweepTasks } from './store/sweep-tasks.ts';
import { createRevocationReader } from './store/revocation-reader.ts';
import { startSweep } from './sweep/sweep.ts';
import { signingKeysFor } from './tokens/local-signing-keys.ts';

await runService('auth', () => {
  const config = readConfig();
  const log = createLogger({ service: 'auth', level: config.LOG_LEVEL, write: printLogLine });
  const signingKeys = signingKeysFor({ configured: config.TOKEN_SIGNING_KEYS, environment: config.ENVIRONMENT, log });
  const mailer = createMailer(senderFor(config, log), log);
  return startService({
    service: 'auth',
    config,
    log,
    createApp: (parts) => {
      // Not of the pool: requests that wait for locks can hold all of that, and the edge depends on the feed.
      const own = connect({ url: config.DATABASE_URL, poolSize: 1, log });
      const revocations = startRevocationFeed({
        reader: createRevocationReader(own.db),
        notices: createRevocationNotices({ url: config.DATABASE_URL, log }),
        ...(config.SUPABASE_URL !== undefined && { disabledUsers: createDisabledUsers(own.db) }),
        log,
      });
      parts.onStop(async () => {
        await revocations.stop();
        await own.close();
      });
      parts.onStop(mailer.settled);
      parts.onStop(startOutboxRelay({ db: parts.database.db, bus: parts.bus, log }).stop);
      const tasks = createSweepTasks(parts.database.db, { unconfirmedDays: config.UNCONFIRMED_ACCOUNT_DAYS });
      parts.onStop(startSweep({ tasks, log, everyMs: config.SWEEP_MINUTES * 60_000 }).stop);
      return createApp({
        ...parts,
        ...createManagementStores(parts.database.db),
        keys: createKeyRepository(parts.database.db),
        keyEnvironment: keyEnvironmentOf[config.ENVIRONMENT],
        revocations,
        signingKeys,
        identity: identityFor(config, { ...parts, db: parts.database.db, signingKeys, mailer }),
        reference: createApiReference(parts.build.version),
      });
    },
  });
});
