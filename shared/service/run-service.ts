import { ConfigError } from '../config.ts';
import type { Logger } from '../log.ts';

export type RunningService = { stop: () => Promise<void> };

/**
 * The life of a container process: start, run, and on SIGTERM or SIGINT stop gracefully with exit code 0. A second
 * signal exits at once. When a parent that holds our IPC channel dies, we stop too, so that nothing is left behind.
 */
export async function runService(log: Logger, start: () => Promise<RunningService>): Promise<void> {
  let service: RunningService;
  try {
    service = await start();
  } catch (error) {
    failStart(log, error);
    return;
  }
  let stopping = false;
  const stop = (reason: string): void => {
    if (stopping) process.exit(130);
    stopping = true;
    log.info('stopping', { signal: reason });
    service.stop().then(
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

function failStart(log: Logger, error: unknown): void {
  if (error instanceof ConfigError) log.error(error.message);
  else if (isAddressInUse(error))
    log.error('The port is taken. Stop what listens there or set PORT to another.', { error });
  else log.error('The service could not start', { error });
  process.exitCode = 1;
  process.disconnect?.();
}

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}
