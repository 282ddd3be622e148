import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { ConfigSchema } from '../../edge-gateway/src/config.ts';
import { generateSigningKeys } from '../../ops/local/signing-key.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): Promise<string> => readFile(new URL(path, root), 'utf8');
const toml = await read('wrangler.toml');
const vars = Array.from(/\[vars\]\n((?:\w+ = .*\n)+)/.exec(toml)?.[1]?.matchAll(/^\w+/gm) ?? [], ([name]) => name);
const secrets = Array.from(/\nrequired = \[(.*)\]/.exec(toml)?.[1]?.matchAll(/\w+/g) ?? [], ([name]) => name);
const declared = [...vars, ...secrets];
const { privateKey } = await generateSigningKeys();
const known = Object.keys(ConfigSchema.shape);
const required = known.filter(
  (name) => !ConfigSchema.safeParse({}).error?.issues.every((issue) => issue.path[0] !== name),
);

describe("the gateway's configuration", () => {
  it('is complete in wrangler.toml and has nothing there that nobody reads', () => {
    expect(vars.length).toBeGreaterThan(3);
    expect(secrets.length).toBeGreaterThan(0);
    expect(declared.filter((name) => !known.includes(name))).toEqual([]);
    expect(required.filter((name) => !declared.includes(name))).toEqual([]);
  });

  it('is the same on plain workerd', async () => {
    const capnp = await read('edge-gateway/workerd.capnp');
    const bound = Array.from(capnp.matchAll(/name = "(\w+)", fromEnvironment = "(\w+)"/g), ([, name, variable]) => {
      expect(variable).toBe(name);
      return name;
    });
    expect(new Set(bound)).toEqual(new Set(known));
    expect(/compatibilityDate = "([\d-]+)"/.exec(capnp)?.[1]).toBe(/compatibility_date = "([\d-]+)"/.exec(toml)?.[1]);
  });

  it('is complete in compose', async () => {
    const compose = await read('docker-compose.yml');
    const gateway = compose.slice(compose.indexOf('\n  gateway:'), compose.indexOf('\nvolumes:'));
    for (const name of known) expect(gateway).toContain(`\n      ${name}: `);
  });

  it('holds no secret in a committed file', async () => {
    for (const path of ['wrangler.toml', '.env.example', '.dev.vars.example', 'docker-compose.yml']) {
      expect(await read(path)).not.toMatch(/"d":|BEGIN [A-Z ]*PRIVATE KEY|sk-[A-Za-z0-9]{16}/);
    }
  });
});

describe("what the gateway's schema refuses", () => {
  const key = z.record(z.string(), z.string()).parse(JSON.parse(privateKey));
  const good = {
    ENVIRONMENT: 'local',
    AUTH_SERVICE_URL: 'http://auth-service:8000',
    ASSET_SERVICE_URL: 'http://asset-service:8000/',
    CHAT_SERVICE_URL: 'https://chat.example',
    GATEWAY_SIGNING_KEY: privateKey,
  };
  const wrongIn = (change: Record<string, string>): unknown[] =>
    ConfigSchema.safeParse({ ...good, ...change }).error?.issues.map(({ path }) => path[0]) ?? [];

  it('is not what is right', () => {
    expect(wrongIn({})).toEqual([]);
    expect(wrongIn({ TRUSTED_ADDRESS_HEADER: 'x-forwarded-for' })).toEqual([]);
  });

  it.each([
    ['a key that is too short', 'GATEWAY_SIGNING_KEY', JSON.stringify({ ...key, d: 'short' })],
    ['a key without its public half', 'GATEWAY_SIGNING_KEY', JSON.stringify({ ...key, x: undefined })],
    ['a key without a name', 'GATEWAY_SIGNING_KEY', JSON.stringify({ ...key, kid: '' })],
    ['a path that would be dropped', 'AUTH_SERVICE_URL', 'http://auth-service:8000/base'],
    ['a query that would be dropped', 'CHAT_SERVICE_URL', 'http://chat-service:8000/?x'],
    ['credentials that would be dropped', 'ASSET_SERVICE_URL', 'http://user:password@asset-service:8000'],
    ['a header that nobody can send', 'TRUSTED_ADDRESS_HEADER', 'x forwarded for'],
    ['a header with its colon', 'TRUSTED_ADDRESS_HEADER', 'x-forwarded-for:'],
  ])('%s', (_what, name, value) => {
    expect(wrongIn({ [name]: value })).toEqual([name]);
  });
});

describe('docker-compose.yml', () => {
  it('takes every variable from .env.example, and .env.example has none that nothing reads', async () => {
    const compose = await read('docker-compose.yml');
    const example = await read('.env.example');
    const sources = [
      compose,
      await read('backends/chat/src/config.ts'),
      await read('shared/service/environment.ts'),
    ].join('\n');
    const offered = Array.from(example.matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm), ([, name = '']) => name);
    expect(offered.filter((name) => !sources.includes(name))).toEqual([]);
    const needed = Array.from(compose.matchAll(/\$\{(\w+):\?/g), ([, name = '']) => name);
    expect(needed.filter((name) => !offered.includes(name))).toEqual([]);
  });
});
