import type { ChatProvider } from '../completion/chat-provider.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { anthropicRefusal } from './anthropic-refusal.ts';
import { createHttpProvider } from './http-provider.ts';
import { createVendorConnection } from './vendor-connection.ts';
import { openModels } from './vendor-models.ts';
import type { VendorOptions } from './vendor-options.ts';

const paths = new Map<Protocol, string>([
  ['messages', '/v1/messages'],
  ['count-tokens', '/v1/messages/count_tokens'],
]);

/**
 * Sent unless the caller names one. The next, 2026-10-21, refuses `temperature`, `top_p` and `top_k`, which callers of
 * translated requests may send.
 */
const defaultVersion = '2023-06-01';

/** Anthropic. Its documentation names `x-api-key` for keys, for either version of its API. */
export function createAnthropicProvider(options: VendorOptions): ChatProvider {
  const { id, name, baseUrl, apiKey, timeouts, headers = {}, fetchesImages = true } = options;
  const authorization: Record<string, string> = apiKey === null ? {} : { 'x-api-key': apiKey };
  const connection = createVendorConnection({
    baseUrl,
    headers: { ...headers, ...authorization },
    defaultHeaders: { 'anthropic-version': defaultVersion },
    secret: apiKey,
    timeouts,
    refusal: anthropicRefusal,
  });
  return createHttpProvider({
    id,
    name,
    aliases: ['claude'],
    fetchesImages,
    outputLimitField: 'max_tokens',
    ...openModels(options, /^claude-/),
    connection,
    paths,
    passedHeaders: ['anthropic-version', 'anthropic-beta'],
    checkPath: '/v1/models?limit=1',
  });
}
