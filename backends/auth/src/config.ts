import * as z from 'zod';
import { parseConfig } from '#shared/config.ts';
import { serviceEnvironment } from '#shared/service/environment.ts';

const ConfigSchema = z.object(serviceEnvironment);

export type Config = z.infer<typeof ConfigSchema>;

export function readConfig(): Config {
  return parseConfig(ConfigSchema, process.env);
}
