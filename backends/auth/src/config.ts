import * as z from 'zod';
import { parseConfig } from '#shared/config.ts';
import { serviceEnvironment } from '#shared/service/environment.ts';

const ConfigSchema = z.object(serviceEnvironment);

export type Config = z.infer<typeof ConfigSchema>;

export function readConfig(): Config {
  return parseConfig(ConfigSchema, process.env);
}

const MigrationConfigSchema = z
  .object({
    DATABASE_URL: serviceEnvironment.DATABASE_URL,
    DIRECT_DATABASE_URL: serviceEnvironment.DATABASE_URL.optional(),
  })
  .transform(({ DATABASE_URL, DIRECT_DATABASE_URL }) => ({ url: DIRECT_DATABASE_URL ?? DATABASE_URL }));

/** Migrations need no gateway keys, and a direct connection where the ordinary one goes through a pooler. */
export function readMigrationConfig(): z.infer<typeof MigrationConfigSchema> {
  return parseConfig(MigrationConfigSchema, process.env);
}
