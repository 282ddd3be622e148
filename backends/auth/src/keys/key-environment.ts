import type { KeyEnvironment } from '#shared/identity/api-key.ts';

/** What new keys say of where they belong, so that one from staging is recognised in production's logs. */
export const keyEnvironmentOf = {
  local: 'dev',
  dev: 'dev',
  staging: 'test',
  production: 'live',
} as const satisfies Record<string, KeyEnvironment>;
