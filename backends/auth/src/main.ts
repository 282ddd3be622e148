import { createLogger } from '#shared/log.ts';
import { printLogLine } from '#shared/service/print-log-line.ts';
import { runService } from '#shared/service/run-service.ts';
import { startService } from '#shared/service/start-service.ts';
import { createApp } from './app.ts';
import { readConfig } from './config.ts';
import { createApiReference } from './docs/api-reference.ts';
import { startRevocationFeed } from './revocations/revocation-feed.ts';
import { createKeyRepository } from './store/key-repository.ts';
import { createRevocationNotices } from './store/revocation-notices.ts';
import { createRevocationReader } from './store/revocation-reader.ts';

await runService('auth', () => {
  const config = readConfig();
  const log = createLogger({ service: 'auth', level: config.LOG_LEVEL, write: printLogLine });
  return startService({
    service: 'auth',
    config,
    log,
    createApp: (parts) => {
      const revocations = startRevocationFeed({
        reader: createRevocationReader(parts.database.db),
        notices: createRevocationNotices({ url: config.DATABASE_URL, log }),
        log,
      });
      parts.onStop(revocations.stop);
      return createApp({
        ...parts,
        keys: createKeyRepository(parts.database.db),
        revocations,
        signingKeys: config.TOKEN_SIGNING_KEYS,
        reference: createApiReference(parts.build.version),
      });
    },
  });
});
