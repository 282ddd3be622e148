import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ConfigSchema } from '../../edge-gateway/src/config.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): Promise<string> => readFile(new URL(path, root), 'utf8');
const toml = await read('wrangler.toml');
const vars = Array.from(/\[vars\]\n((?:\w+ = .*\n)+)/.exec(toml)?.[1]?.matchAll(/^\w+/gm) ?? [], ([name]) => name);
const secrets = Array.from(/\nrequired = \[(.*)\]/.exec(toml)?.[1]?.matchAll(/\w+/g) ?? [], ([name]) => name);
const declared = [...vars, ...secrets];
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
    for (const name of declared) expect(gateway).toContain(`${name}:`);
  });

  it('holds no secret in a committed file', async () => {
    for (const path of ['wrangler.toml', '.env.example', '.dev.vars.example', 'docker-compose.yml']) {
      expect(await read(path)).not.toMatch(/"d":|BEGIN [A-Z ]*PRIVATE KEY|sk-[A-Za-z0-9]{16}/);
    }
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
