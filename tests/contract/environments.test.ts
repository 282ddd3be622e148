import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { unstable_readConfig } from 'wrangler';
import * as z from 'zod';

const root = fileURLToPath(new URL('../../', import.meta.url));
const clouds = ['dev', 'staging', 'production'] as const;
const environments = ['local', ...clouds];
/** What we look at of the configuration as wrangler itself reads it. */
const Environment = z.object({
  name: z.string(),
  vars: z.record(z.string(), z.string()),
  secrets: z.object({ required: z.array(z.string()) }),
  durable_objects: z.object({ bindings: z.array(z.object({ name: z.string(), class_name: z.string() })) }),
  migrations: z.array(z.object({ tag: z.string(), new_sqlite_classes: z.array(z.string()) })),
  ratelimits: z.array(
    z.object({
      name: z.string(),
      namespace_id: z.string(),
      simple: z.object({ limit: z.number(), period: z.number() }),
    }),
  ),
  version_metadata: z.object({ binding: z.string() }),
  workers_dev: z.boolean().optional(),
  routes: z.array(z.unknown()).optional(),
  placement: z.unknown(),
  observability: z.unknown(),
  preview_urls: z.boolean().optional(),
  compatibility_date: z.string(),
});

function configOf(environment: string) {
  const env = environment === 'local' ? '' : environment;
  const found: unknown = unstable_readConfig({ config: `${root}wrangler.toml`, env }, { hideWarnings: true });
  return Environment.parse(found);
}

/** The names of all that an environment gives the gateway. */
function namesIn(environment: string) {
  const config = configOf(environment);
  return {
    vars: Object.keys(config.vars).toSorted(),
    secrets: config.secrets.required,
    objects: config.durable_objects.bindings.map(({ name, class_name }) => `${name}: ${class_name}`),
    migrations: config.migrations,
    floods: config.ratelimits.map(({ name }) => name).toSorted(),
    version: config.version_metadata.binding,
    // Named environments inherit these, unless they say something else.
    inherited: [config.observability, config.preview_urls, config.compatibility_date],
  };
}

describe('the environments of wrangler.toml', () => {
  it.each(clouds)('%s lacks nothing that another has, and has nothing that another lacks', (environment) => {
    const local = namesIn('local');
    expect(namesIn(environment)).toEqual(local);
    expect(local.vars.length).toBeGreaterThan(5);
    expect(local.secrets).toContain('GATEWAY_SIGNING_KEY');
    expect(local.floods).toEqual(['ADDRESS_FLOOD', 'KEY_FLOOD']);
    expect(local.objects).toEqual(['KEY_LIMITS: KeyLimits']);
    expect(local.inherited).toMatchObject([{ enabled: true }, false, expect.any(String)]);
    expect(local.migrations).toEqual([{ tag: 'v1', new_sqlite_classes: ['KeyLimits'] }]);
  });

  it.each(clouds)('%s reaches its own backends, and can be reached', (environment) => {
    const { name, vars, workers_dev, routes } = configOf(environment);
    expect(name).toBe(`gaia-gateway-${environment}`);
    expect(vars['ENVIRONMENT']).toBe(environment);
    for (const service of ['auth', 'chat', 'asset']) {
      expect(vars[`${service.toUpperCase()}_SERVICE_URL`]).toBe(`https://gaia-${service}-${environment}.fly.dev`);
    }
    expect(workers_dev === true || (routes?.length ?? 0) > 0).toBe(true);
  });

  it.each(['staging', 'production'])("%s knows nothing of anybody's laptop", (environment) => {
    expect(Object.values(configOf(environment).vars).join(' ')).not.toMatch(/localhost|127\.0\.0\.1|host\.docker/);
  });

  it.each(environments)('%s counts floods by the same numbers with the binding and without', (environment) => {
    const { vars, ratelimits } = configOf(environment);
    expect(ratelimits.map(({ name, simple }) => [name, String(simple.limit), simple.period])).toEqual([
      ['ADDRESS_FLOOD', vars['ADDRESS_FLOOD_LIMIT'], 10],
      ['KEY_FLOOD', vars['KEY_FLOOD_LIMIT'], 10],
    ]);
  });

  it('share no counter of floods', () => {
    const ids = environments.flatMap((environment) => configOf(environment).ratelimits.map((row) => row.namespace_id));
    expect(new Set(ids).size).toBe(environments.length * 2);
  });

  it.each(environments)('%s runs where the client is', (environment) => {
    expect(configOf(environment).placement).toBeUndefined();
  });
});
