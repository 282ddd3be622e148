import type { ChatProvider } from '../completion/chat-provider.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { createHttpProvider } from './http-provider.ts';
import { openAiRefusal } from './openai-refusal.ts';
import { createVendorConnection } from './vendor-connection.ts';
import { listedModels } from './vendor-models.ts';
import { openAiProtocols, type VendorOptions } from './vendor-options.ts';

const paths = {
  'chat-completions': '/chat/completions',
  responses: '/responses',
  embeddings: '/embeddings',
} satisfies Record<(typeof openAiProtocols)[number], string>;

const usual: readonly Protocol[] = ['chat-completions', 'embeddings'];

/** Where a vendor is more than its configuration says. */
export type VendorTraits = ReturnType<typeof listedModels> & Pick<ChatProvider, 'outputLimitField'>;

/** Any vendor that speaks OpenAI's protocols. */
export function createOpenAiCompatibleProvider(options: VendorOptions, traits = usualTraits(options)): ChatProvider {
  const { id, name, baseUrl, apiKey, timeouts, headers = {} } = options;
  const { fetchesImages = true, tellsUsageUnasked = false } = options;
  const spoken = options.speaks ?? usual;
  const authorization: Record<string, string> = apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };
  const own = { ...headers, ...authorization };
  return createHttpProvider({
    id,
    name,
    aliases: [],
    fetchesImages,
    tellsUsageUnasked,
    ...traits,
    connection: createVendorConnection({ baseUrl, headers: own, secret: apiKey, timeouts, refusal: openAiRefusal }),
    paths: new Map(openAiProtocols.filter((it) => spoken.includes(it)).map((it) => [it, paths[it]])),
    passedHeaders: ['openai-beta'],
    requestIdHeader: 'x-client-request-id',
    checkPath: '/models',
  });
}

function usualTraits(options: VendorOptions): VendorTraits {
  return { ...listedModels(options), outputLimitField: 'max_tokens' };
}
