import { createLogger } from '#shared/log.ts';
import { printLogLine } from '#shared/service/print-log-line.ts';
import { runService } from '#shared/service/run-service.ts';
import { startService } from '#shared/service/start-service.ts';
import { createApp } from './app.ts';
import { readConfig } from './config.ts';

await runService('asset', () => {
  const config = readConfig();
  const log = createLogger({ service: 'asset', level: config.LOG_LEVEL, write: printLogLine });
  return startService({ service: 'asset', config, log, createApp });
});
