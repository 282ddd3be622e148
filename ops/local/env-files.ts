import { parseEnv } from 'node:util';
import { randomBase62 } from '#shared/id.ts';
import { OpsError } from '../command.ts';
import { generateTokenKeys } from './token-keys.ts';
import { generateSigningKeys, publicKeysOf, type SigningKeys } from './signing-key.ts';

/** The two examples, and what is already there of the two files made from them (null: nothing). */
export type EnvFileInputs = {
  example: { env: string; devVars: string };
  existing: { env: string | null; devVars: string | null };
};

/** What to write; null: the file that exists is kept as it is. */
export type EnvFilePlan = { env: string | null; devVars: string | null };

type Values = Record<string, string | undefined>;

/**
 * Decides what `setup` writes. A file that exists is never touched; the other one is made so that it fits. Refuses,
 * saying what to do, where that is not possible.
 */
export async function planEnvFiles({ example, existing }: EnvFileInputs): Promise<EnvFilePlan> {
  const env = existing.env === null ? null : valuesOf(existing.env);
  const devVars = existing.devVars === null ? null : valuesOf(existing.devVars);
  if (env && devVars) {
    refuseMisfit(env, devVars);
    return { env: null, devVars: null };
  }
  const keys = await keysFor(env, devVars);
  const secrets = { owner: randomBase62(32), application: randomBase62(32), tokenKeys: await generateTokenKeys() };
  return {
    env: env ? null : fill(example.env, envValues(keys, secrets)),
    devVars: devVars ? null : fill(example.devVars, { GATEWAY_SIGNING_KEY: keys.privateKey }),
  };
}

type Secrets = { owner: string; application: string; tokenKeys: string };

function envValues({ privateKey, publicKeys }: SigningKeys, secrets: Secrets): Record<string, string> {
  return {
    POSTGRES_PASSWORD: secrets.owner,
    APPLICATION_DATABASE_PASSWORD: secrets.application,
    DATABASE_URL: `postgresql://gaia:${secrets.owner}@localhost:5432/gaia`,
    TOKEN_SIGNING_KEYS: secrets.tokenKeys,
    GATEWAY_PUBLIC_KEYS: publicKeys,
    GATEWAY_SIGNING_KEY: privateKey,
  };
}

/** Sets the given variables in an example and leaves every other line as it is. */
export function fill(example: string, values: Record<string, string>): string {
  const missing = new Set(Object.keys(values));
  const lines = example.split('\n').map((line) => {
    const name = /^([A-Z_]+)=/.exec(line)?.[1];
    const value = name === undefined ? undefined : values[name];
    if (name === undefined || value === undefined) return line;
    missing.delete(name);
    return `${name}=${value.includes('"') ? `'${value}'` : value}`;
  });
  if (missing.size > 0) throw new Error(`the example lacks ${[...missing].join(', ')}`);
  return lines.join('\n');
}

/** The key pair of the file that is there, or a fresh one where none is. */
async function keysFor(env: Values | null, devVars: Values | null): Promise<SigningKeys> {
  if (!env && !devVars) return await generateSigningKeys();
  const [file, privateKey = ''] = env
    ? ['.env', env['GATEWAY_SIGNING_KEY']]
    : ['.dev.vars', devVars?.['GATEWAY_SIGNING_KEY']];
  const publicKeys = publicKeysOf(privateKey);
  if (publicKeys === null) {
    throw new OpsError(
      `${file} exists but its GATEWAY_SIGNING_KEY is no private Ed25519 JWK with a kid, so nothing that fits can be made: correct it, or delete ${file} and run setup again.`,
    );
  }
  if (env && !offers(env, privateKey)) throw new OpsError(misfit('.env', '.env'));
  return { privateKey, publicKeys };
}

function refuseMisfit(env: Values, devVars: Values): void {
  if (!offers(env, devVars['GATEWAY_SIGNING_KEY'] ?? '')) throw new OpsError(misfit('.dev.vars', '.env'));
  const inCompose = env['GATEWAY_SIGNING_KEY'];
  if (inCompose && !offers(env, inCompose)) throw new OpsError(misfit('.env', '.env'));
}

function misfit(privateFile: string, publicFile: string): string {
  return `GATEWAY_SIGNING_KEY in ${privateFile} does not fit GATEWAY_PUBLIC_KEYS in ${publicFile}, so the backends would refuse the gateway: correct one of them, or delete both files and run setup again.`;
}

/** Whether the public half of this private key is among those that the backends are told to trust. */
function offers(env: Values, privateKey: string): boolean {
  const own = publicKeysOf(privateKey);
  if (own === null) return false;
  const x = publicValues(own);
  return publicValues(env['GATEWAY_PUBLIC_KEYS'] ?? '').some((value) => x.includes(value));
}

function publicValues(jwks: string): string[] {
  return Array.from(jwks.matchAll(/"x":\s*"([\w-]+)"/g), ([, x = '']) => x);
}

function valuesOf(text: string): Values {
  return parseEnv(text);
}
