import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigSchema, readConfig } from '../../edge-gateway/src/config.ts';
import { OpsError } from '../command.ts';
import { readIfThere } from '../local/private-file.ts';

/** The gateway's variables: the names are those of its own schema, so a new one needs nothing here. */
export const settingNames: readonly string[] = Object.keys(ConfigSchema.shape);

type Values = Record<string, string | undefined>;

/**
 * What the gateway runs with: a variable that is set here wins over the file. Every name has a value (an empty one
 * counts as not set), so that nothing else of our environment gets through. Throws ConfigError naming what is wrong.
 */
export function gatewaySettings(env: Values, file: Values): Record<string, string> {
  const settings = Object.fromEntries(settingNames.map((name) => [name, env[name] || file[name] || '']));
  readConfig(settings);
  return settings;
}

/** The file that was asked for, or the first that is there, as wrangler does: `.dev.vars`, else `.env`. */
export async function readSettingsFile(root: string, asked: string | undefined): Promise<Values> {
  for (const path of asked === undefined ? ['.dev.vars', '.env'].map((name) => join(root, name)) : [asked]) {
    const text = await readIfThere(path);
    if (text !== null) return parseEnv(text);
  }
  if (asked !== undefined) throw new OpsError(`There is no file ${asked}, which --settings names.`);
  return {};
}
