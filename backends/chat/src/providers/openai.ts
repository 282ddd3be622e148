import type { ChatProvider } from '../completion/chat-provider.ts';
import { createOpenAiCompatibleProvider } from './openai-compatible.ts';
import { openModels } from './vendor-models.ts';
import { openAiProtocols, type VendorOptions } from './vendor-options.ts';

const looksLikeOpenAi = /^(?:ft:)?(?:gpt-|chatgpt-|o\d|text-embedding-)/;

/** OpenAI itself, which speaks all of its protocols and whose models are open. */
export function createOpenAiProvider(options: VendorOptions): ChatProvider {
  const speaks = options.speaks ?? openAiProtocols;
  const models = openModels(options, looksLikeOpenAi);
  // Its models that reason refuse the older name.
  return createOpenAiCompatibleProvider(
    { ...options, speaks },
    { ...models, outputLimitField: 'max_completion_tokens' },
  );
}
