import { ConfigError } from '../config.ts';
import { createLogger, type Logger } from '../log.ts';
import type { ServiceName } from '../identity/assertion.ts';
import { printLogLine } from './print-log-line.ts';

export type RunningService = { stop: () => Promise<void> };

/**
 * The life of a container process: start, run, and on SIGTERM or SIGINT stop gracefully with exit code 0. A second
 * signal exits at once. When a parent that holds our IPC channel dies, we stop too, so that nothing is left behind.
 */
export async function runService(service: ServiceName, start: () => Promise<RunningService>): Promise<void> {
  const log = createLogger({ service, level: 'info', write: printLogLine });
  let running: RunningService;
  try {
    running = await start();
  } catch (error) {
    failStart(log, error);
  }
  let stopping = false;
  const stop = (reason: string): void => {
    if (stopping) process.exit(130);
    stopping = true;
    log.info('stopping', { signal: reason });
    running.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error('did not stop cleanly', { error });
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  if (process.connected) process.on('disconnect', () => stop('parent gone'));
  process.send?.('ready');
}

function failStart(log: Logger, error: unknown): never {
  if (error instanceof ConfigError) log.error(error.message);
  else if (isAddressInUse(error))
    log.error('The port is taken. Stop what listens there or set PORT to another.', { error });
  else log.error('The service could not start', { error });
  process.exit(1);
}

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}
