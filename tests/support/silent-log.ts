import { createLogger } from '../../shared/log.ts';

/** For tests of code that logs, where what it logs is not the point. */
export const silentLog = createLogger({ service: 'test', level: 'error', write: () => undefined });
