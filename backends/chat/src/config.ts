import * as z from 'zod';
import { parseConfig } from '#shared/config.ts';
import { serviceEnvironment } from '#shared/service/environment.ts';
import { openAiModels } from './providers/openai-models.ts';

/** A vendor that speaks OpenAI's protocol. The key is in a variable of its own, so that this holds no secret. */
const ProviderSchema = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'may have lower-case letters, digits and -'),
  name: z.string().min(1).max(64).optional(),
  base_url: z.url({ protocol: /^https?$/ }).refine((url) => !/[@?#]/.test(url), 'may have no user, query or fragment'),
  api_key_variable: z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'must be the name of a variable'),
  models: z.array(z.string().min(1).max(200)).min(1).max(1_000),
});

const seconds = (fallback: number) => z.coerce.number().min(0.01).max(3_600).default(fallback);

const pace = {
  PROVIDER_CONNECT_SECONDS: seconds(5),
  /** Until the first byte of a stream; reasoning models think long. */
  PROVIDER_FIRST_BYTE_SECONDS: seconds(120),
  /** Between two chunks. */
  PROVIDER_IDLE_SECONDS: seconds(60),
  PROVIDER_TOTAL_SECONDS: seconds(600),
  STREAM_KEEP_ALIVE_SECONDS: seconds(15),
};

/** Every variable of this backend but the keys that CHAT_PROVIDERS names. */
export const chatEnvironment = {
  ...serviceEnvironment,
  CHAT_PROVIDERS: z.string().default('[]').transform(parseProviders),
  OPENAI_API_KEY: z.string().optional(),
  LOCAL_PROVIDER: z.enum(['enabled', 'disabled']).default('disabled'),
  ...pace,
};

const ConfigSchema = z.looseObject(chatEnvironment).transform((env, context) => {
  if (env.LOCAL_PROVIDER === 'enabled' && env.ENVIRONMENT === 'production') {
    context.addIssue({ code: 'custom', path: ['LOCAL_PROVIDER'], message: 'must not be enabled in production' });
  }
  return { ...env, vendors: vendorsOf(env, context), limits: limitsOf(env) };
});

export type ChatConfig = z.infer<typeof ConfigSchema>;

/** Reads the environment once. Throws a ConfigError that names what is wrong and shows no value. */
export function readConfig(env: Record<string, unknown> = process.env): ChatConfig {
  return parseConfig(ConfigSchema, env);
}

type ProviderEntry = z.infer<typeof ProviderSchema>;
type Vendor = { id: string; name: string; baseUrl: string; apiKey: string; models: readonly string[] };
type Limits = Record<'connectMs' | 'firstByteMs' | 'idleMs' | 'totalMs' | 'keepAliveMs', number>;
type Environment = Record<string, unknown> & { CHAT_PROVIDERS: ProviderEntry[]; ENVIRONMENT: string };

/** OPENAI_API_KEY alone is enough for OpenAI, unless CHAT_PROVIDERS describes it otherwise. */
const openAi: ProviderEntry = {
  id: 'openai',
  name: 'OpenAI',
  base_url: 'https://api.openai.com/v1',
  api_key_variable: 'OPENAI_API_KEY',
  models: [...openAiModels],
};

function parseProviders(text: string, context: z.RefinementCtx): ProviderEntry[] {
  const result = z.array(ProviderSchema).max(100).safeParse(parsedOrNothing(text));
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

function vendorsOf(env: Environment, context: z.RefinementCtx): Vendor[] {
  const isOpenAiDescribed = env.CHAT_PROVIDERS.some(({ id }) => id === openAi.id);
  const entries = [...env.CHAT_PROVIDERS, ...(env['OPENAI_API_KEY'] && !isOpenAiDescribed ? [openAi] : [])];
  return entries.map((entry) => vendorOf(entry, env, context));
}

function vendorOf({ id, name = id, ...entry }: ProviderEntry, env: Environment, context: z.RefinementCtx): Vendor {
  const apiKey = env[entry.api_key_variable];
  if (typeof apiKey !== 'string' || !/^[\x21-\x7e]+$/.test(apiKey)) {
    const message = `is the key of the provider ${id} and must be set to visible characters`;
    context.addIssue({ code: 'custom', path: [entry.api_key_variable], message });
  }
  if (entry.base_url.startsWith('http:') && !['local', 'dev'].includes(env.ENVIRONMENT)) {
    context.addIssue({ code: 'custom', path: ['CHAT_PROVIDERS'], message: `${id}: base_url must be https here` });
  }
  return { id, name, baseUrl: entry.base_url, apiKey: String(apiKey), models: entry.models };
}

function limitsOf(env: Record<keyof typeof pace, number>): Limits {
  return {
    connectMs: env.PROVIDER_CONNECT_SECONDS * 1_000,
    firstByteMs: env.PROVIDER_FIRST_BYTE_SECONDS * 1_000,
    idleMs: env.PROVIDER_IDLE_SECONDS * 1_000,
    totalMs: env.PROVIDER_TOTAL_SECONDS * 1_000,
    keepAliveMs: env.STREAM_KEEP_ALIVE_SECONDS * 1_000,
  };
}

function parsedOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
