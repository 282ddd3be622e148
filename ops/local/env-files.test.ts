import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import { createAssertionSigner } from '#shared/identity/assertion-sign.ts';
import { createAssertionVerifier } from '#shared/identity/assertion-verify.ts';
import { repositoryRoot } from '../repository.ts';
import { fill, planEnvFiles, type EnvFileInputs } from './env-files.ts';

const Jwk = z.looseObject({ kty: z.string(), kid: z.string() });

let example: EnvFileInputs['example'];

beforeAll(async () => {
  example = {
    env: await readFile(join(repositoryRoot, '.env.example'), 'utf8'),
    devVars: await readFile(join(repositoryRoot, '.dev.vars.example'), 'utf8'),
  };
});

test('makes two files whose secrets fit: what the gateway signs, the backends accept', async () => {
  const { env, devVars } = await planned(null, null);
  expect(await fits(devVars, env)).toBe(true);
  expect(await fits(env, env)).toBe(true);
  expect(parseEnv(env)['DATABASE_URL']).toContain(`:${parseEnv(env)['POSTGRES_PASSWORD']}@localhost:5432/gaia`);
  expect(parseEnv(env)['GATEWAY_PUBLIC_KEYS']).not.toContain('"d"');
});

test('makes other secrets each time', async () => {
  const [first, second] = [await planned(null, null), await planned(null, null)];
  expect(first.env).not.toBe(second.env);
  expect(await fits(first.devVars, second.env)).toBe(false);
});

test('keeps the file that exists and makes the other one fit', async () => {
  const made = await planned(null, null);
  const again = await planEnvFiles({ example, existing: { env: null, devVars: made.devVars } });
  expect(again.devVars).toBeNull();
  expect(await fits(made.devVars, again.env ?? '')).toBe(true);
  const other = await planEnvFiles({ example, existing: { env: made.env, devVars: null } });
  expect(other.env).toBeNull();
  expect(await fits(other.devVars ?? '', made.env)).toBe(true);
});

test('writes nothing when both are there and fit', async () => {
  const made = await planned(null, null);
  expect(await planEnvFiles({ example, existing: made })).toEqual({ env: null, devVars: null });
});

test('says so when both are there and do not fit, and names no secret', async () => {
  const [one, two] = [await planned(null, null), await planned(null, null)];
  const mixed = { env: one.env, devVars: two.devVars };
  await expect(planEnvFiles({ example, existing: mixed })).rejects.toThrow(
    /^GATEWAY_SIGNING_KEY in \.dev\.vars does not fit GATEWAY_PUBLIC_KEYS in \.env/,
  );
});

test.each([
  ['only public keys', `GATEWAY_PUBLIC_KEYS='{"keys":[{"x":"abc"}]}'\n`],
  ['nothing', ''],
])('says what to do about an .env with %s, from which no private key can be derived', async (_what, env) => {
  await expect(planEnvFiles({ example, existing: { env, devVars: null } })).rejects.toThrow(
    /^\.env exists but .* or delete \.env and run setup again\.$/,
  );
});

test('leaves comments and other variables of an example alone', () => {
  expect(fill('# A=1\nA=\nB=2\n', { A: '{"x":1}' })).toBe(`# A=1\nA='{"x":1}'\nB=2\n`);
  expect(() => fill('B=2\n', { A: '1' })).toThrow('lacks A');
});

async function planned(env: string | null, devVars: string | null): Promise<{ env: string; devVars: string }> {
  const plan = await planEnvFiles({ example, existing: { env, devVars } });
  return { env: plan.env ?? '', devVars: plan.devVars ?? '' };
}

async function fits(signerFile: string, verifierFile: string): Promise<boolean> {
  const privateKey = Jwk.parse(JSON.parse(parseEnv(signerFile)['GATEWAY_SIGNING_KEY'] ?? ''));
  const publicKeys = z
    .object({ keys: z.array(Jwk) })
    .parse(JSON.parse(parseEnv(verifierFile)['GATEWAY_PUBLIC_KEYS'] ?? ''));
  const assertion = await createAssertionSigner(privateKey)({ kind: 'gateway' }, 'chat');
  return (await createAssertionVerifier(publicKeys, 'chat')(assertion)) !== null;
}
