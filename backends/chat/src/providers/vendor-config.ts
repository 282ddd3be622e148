import * as z from 'zod';
import { presets, type Preset } from './presets.ts';
import { openAiProtocols, type Vendor } from './vendor-options.ts';

const maxVendors = 100;
const visible = /^[\x21-\x7e]+$/;

const BaseUrl = z
  .url({ protocol: /^https?$/ })
  .refine((url) => !/[@?#]/.test(url), 'may have no user, query or fragment');

/** One entry of CHAT_PROVIDERS. The key is in a variable of its own, so that this holds no secret. */
const Entry = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'may have lower-case letters, digits and -'),
  name: z.string().min(1).max(64).optional(),
  base_url: BaseUrl.optional(),
  api_key_variable: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]*$/, 'must be the name of a variable')
    .optional(),
  models: z.array(z.string().min(1).max(200)).min(1).max(1_000).optional(),
  speaks: z.array(z.enum(openAiProtocols)).min(1).optional(),
  images: z.enum(['url', 'fetch']).optional(),
  stream_usage: z.enum(['asked', 'always']).optional(),
});

export type VendorEntry = z.infer<typeof Entry>;
export type VendorEnvironment = Record<string, unknown> & { CHAT_PROVIDERS: VendorEntry[]; ENVIRONMENT: string };

/** The variables that presets read, all optional. */
export const vendorVariables = {
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: BaseUrl.optional(),
  OPENAI_ORG_ID: z.string().optional(),
  OPENAI_PROJECT_ID: z.string().optional(),
  ANTHROPIC_API_KEY: z.string().optional(),
  ANTHROPIC_BASE_URL: BaseUrl.optional(),
};

/** Reads CHAT_PROVIDERS. Complaints name the field, never a value. */
export function parseVendorEntries(json: unknown, context: z.RefinementCtx): VendorEntry[] {
  const result = z.array(Entry).max(maxVendors).safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    context.addIssue({ code: 'custom', message: `must be a JSON array: ${issue?.path.join('.')}: ${issue?.message}` });
    return z.NEVER;
  }
  const ids = result.data.map(({ id }) => id);
  if (ids.includes('local') || new Set(ids).size < ids.length) {
    context.addIssue({ code: 'custom', message: 'must have different ids, and none may be local' });
  }
  return result.data;
}

/** Those of CHAT_PROVIDERS in their order, then those whose key alone is enough. */
export function vendorsOf(env: VendorEnvironment, context: z.RefinementCtx): Vendor[] {
  const described = new Set(env.CHAT_PROVIDERS.map(({ id }) => id));
  const implicit = Object.entries(presets).flatMap(([id, preset]): VendorEntry[] => {
    const isConfigured = preset?.needsNoEntry && preset.apiKeyVariable && env[preset.apiKeyVariable];
    return isConfigured && !described.has(id) ? [{ id }] : [];
  });
  return [...env.CHAT_PROVIDERS, ...implicit].map((entry) => vendorOf(entry, env, context));
}

type Complain = (message: string, variable?: string) => void;
type Described = { entry: VendorEntry; preset: Preset; env: VendorEnvironment; complain: Complain };

function vendorOf(entry: VendorEntry, env: VendorEnvironment, context: z.RefinementCtx): Vendor {
  const { id, models = null, images, stream_usage: streamUsage } = entry;
  const preset: Preset = presets[id] ?? { name: id, fetchesImages: true };
  const complain: Complain = (message, variable = 'CHAT_PROVIDERS') =>
    context.addIssue({ code: 'custom', path: [variable], message: `${id}: ${message}` });
  const described = { entry, preset, env, complain };
  if (!models && !preset.needsNoEntry) complain('must name its models');
  return {
    id,
    name: entry.name ?? preset.name,
    baseUrl: baseUrlOf(described),
    apiKey: apiKeyOf(described),
    models,
    speaks: spokenBy(described),
    fetchesImages: images ? images === 'url' : preset.fetchesImages,
    tellsUsageUnasked: streamUsage ? streamUsage === 'always' : (preset.tellsUsageUnasked ?? false),
    headers: headersOf(described),
  };
}

function baseUrlOf({ entry, preset, env, complain }: Described): string {
  const baseUrl = entry.base_url ?? textIn(env, preset.baseUrlVariable) ?? preset.baseUrl;
  if (baseUrl === undefined) {
    complain('needs a base_url, as no vendor of this id is known');
    return '';
  }
  if (!isSafe(baseUrl, env.ENVIRONMENT)) complain('base_url must be https here');
  return baseUrl;
}

function apiKeyOf({ entry, preset, env, complain }: Described): string | null {
  const variable = entry.api_key_variable ?? preset.apiKeyVariable;
  if (variable === undefined) return null;
  const apiKey = textIn(env, variable) ?? '';
  if (!visible.test(apiKey)) complain('its key must be set here, to visible characters', variable);
  return apiKey;
}

function spokenBy({ entry: { speaks }, preset, complain }: Described): Vendor['speaks'] {
  const isFixed = preset.speaks?.some((protocol) => !openAiProtocols.some((known) => known === protocol));
  if (speaks && isFixed) complain('has protocols of its own, which speaks cannot change');
  return speaks ?? preset.speaks ?? null;
}

function headersOf({ preset, env, complain }: Described): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, variable] of Object.entries(preset.headerVariables ?? {})) {
    const value = textIn(env, variable);
    if (value === undefined) continue;
    if (!visible.test(value)) complain('must be visible characters', variable);
    headers[name] = value;
  }
  return headers;
}

/** Keys and prompts go in clear on one machine and in the private network of a platform only. */
function isSafe(baseUrl: string, environment: string): boolean {
  const { protocol, hostname } = new URL(baseUrl);
  if (protocol === 'https:' || ['local', 'dev'].includes(environment)) return true;
  return /^(?:localhost|127\.0\.0\.1|\[::1\])$|\.(?:internal|flycast)$/.test(hostname);
}

function textIn(env: VendorEnvironment, variable: string | undefined): string | undefined {
  const value = variable === undefined ? undefined : env[variable];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
