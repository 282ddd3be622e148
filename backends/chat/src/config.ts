import * as z from 'zod';
import { parseConfig } from '#shared/config.ts';
import { parsedJson } from '#shared/json.ts';
import type { TokenPrice } from '#shared/prices/money.ts';
import { billedTools, type BilledTool } from './calls/unpriced-wishes.ts';
import { serviceEnvironment } from '#shared/service/environment.ts';
import { parseVendorEntries, vendorsOf, vendorVariables } from './providers/vendor-config.ts';

const seconds = (fallback: number) => z.coerce.number().min(0.01).max(3_600).default(fallback);

const pace = {
  PROVIDER_CONNECT_SECONDS: seconds(5),
  /** Until the first byte of a stream; reasoning models think long. */
  PROVIDER_FIRST_BYTE_SECONDS: seconds(120),
  /** Between two chunks. */
  PROVIDER_IDLE_SECONDS: seconds(60),
  PROVIDER_TOTAL_SECONDS: seconds(600),
  /** How often a provider that fails is asked again, before the next one is. */
  PROVIDER_RETRIES: z.coerce.number().int().min(0).max(10).default(2),
  /** Before the first retry; doubles with each. */
  PROVIDER_RETRY_DELAY_SECONDS: seconds(0.25),
  /** A provider that wants a longer pause is not waited for. */
  PROVIDER_MAX_RETRY_DELAY_SECONDS: seconds(5),
  STREAM_KEEP_ALIVE_SECONDS: seconds(15),
  /** In an answer that has begun. workerd notices a client that closed its connection at the second write to it. */
  STREAM_HEARTBEAT_SECONDS: seconds(0.3),
};

/** Every variable of this backend but the keys that CHAT_PROVIDERS names. */
export const chatEnvironment = {
  ...serviceEnvironment,
  CHAT_PROVIDERS: z
    .string()
    .default('[]')
    .transform((text, context) => parseVendorEntries(parsedJson(text), context)),
  /** Which models to turn to when one fails: `{"gpt-5":["claude-sonnet-4-6"]}`. */
  CHAT_FALLBACKS: z.string().default('{}').transform(parseFallbacks),
  ...vendorVariables,
  LOCAL_PROVIDER: z.enum(['enabled', 'disabled']).default('disabled'),
  UNKNOWN_MODEL_PRICE: z.string().optional().transform(parsePrice),
  /** Used at the operator's expense: no caller is charged for them, and no budget knows. */
  UNBILLED_VENDOR_TOOLS: z.string().default('').transform(parseTools),
  /** Assumed, and asked for, where a caller with a budget names no maximum and the catalogue knows none. */
  DEFAULT_MAX_OUTPUT_TOKENS: z.coerce.number().int().min(1).max(1_000_000).default(4_096),
  /** More are refused with 503; health and everything that costs nothing go on. */
  MAX_CONCURRENT_CALLS: z.coerce.number().int().min(1).max(100_000).default(2_000),
  /** Single usage events are kept for so many months before this one. */
  USAGE_RETENTION_MONTHS: z.coerce.number().int().min(2).max(120).default(13),
  /** After which calls and conversations of a process that died are taken up by others. */
  CRASH_LEASE_SECONDS: z.coerce.number().min(1).max(600).default(20),
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

type Limits = Record<
  | 'connectMs'
  | 'firstByteMs'
  | 'idleMs'
  | 'totalMs'
  | 'keepAliveMs'
  | 'heartbeatMs'
  | 'retries'
  | 'retryDelayMs'
  | 'maxRetryDelayMs',
  number
>;

function parseFallbacks(text: string, context: z.RefinementCtx): ReadonlyMap<string, readonly string[]> {
  const chains = z.record(z.string(), z.array(z.string().min(1).max(200)).min(1).max(10));
  const result = chains.safeParse(parsedJson(text));
  if (result.success) return new Map(Object.entries(result.data));
  context.addIssue({ code: 'custom', message: 'must be a JSON object of lists of models' });
  return z.NEVER;
}

const dollars = z
  .number()
  .min(0)
  .max(100_000)
  .transform((price) => Math.ceil(price * 1_000_000));
const Price = z.strictObject({ input: dollars, cached_input: dollars.optional(), output: dollars });

/** Dollars for a million tokens, of models that the catalogue does not know. Without it they are refused. */
function parsePrice(text: string | undefined, context: z.RefinementCtx): TokenPrice | null {
  if (text === undefined || text === '') return null;
  const result = Price.safeParse(parsedJson(text));
  if (result.success) {
    const { input, cached_input: cachedInput = input, output } = result.data;
    return { input, cachedInput, output };
  }
  context.addIssue({ code: 'custom', message: 'must be JSON such as {"input":1,"output":2}, in dollars per million' });
  return z.NEVER;
}

function parseTools(text: string, context: z.RefinementCtx): ReadonlySet<BilledTool> {
  const names = text.split(',').flatMap((name) => name.trim() || []);
  const result = z.array(z.enum(billedTools)).safeParse(names);
  if (result.success) return new Set(result.data);
  context.addIssue({ code: 'custom', message: `must be a list, separated by commas, of ${billedTools.join(', ')}` });
  return z.NEVER;
}

function limitsOf(env: Record<keyof typeof pace, number>): Limits {
  return {
    connectMs: env.PROVIDER_CONNECT_SECONDS * 1_000,
    firstByteMs: env.PROVIDER_FIRST_BYTE_SECONDS * 1_000,
    idleMs: env.PROVIDER_IDLE_SECONDS * 1_000,
    totalMs: env.PROVIDER_TOTAL_SECONDS * 1_000,
    keepAliveMs: env.STREAM_KEEP_ALIVE_SECONDS * 1_000,
    heartbeatMs: env.STREAM_HEARTBEAT_SECONDS * 1_000,
    retries: env.PROVIDER_RETRIES,
    retryDelayMs: env.PROVIDER_RETRY_DELAY_SECONDS * 1_000,
    maxRetryDelayMs: env.PROVIDER_MAX_RETRY_DELAY_SECONDS * 1_000,
  };
}
