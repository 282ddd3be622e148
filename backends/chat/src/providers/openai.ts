import type { ChatProvider } from '../completion/chat-provider.ts';
import { createOpenAiCompatibleProvider } from './openai-compatible.ts';
import { openModels } from './vendor-models.ts';
import { openAiProtocols, type VendorOptions } from './vendor-options.ts';

const looksLikeOpenAi = /^(?:ft:)?(?:gpt-|chatgpt-|o\d|text-embedding-)/;

/** OpenAI itself, which speaks all of its protocols and whose models are open. */
export function createOpenAiProvider(options: VendorOptions): ChatProvider {
  const speaks = options.speaks ?? openAiProtocols;
  return createOpenAiCompatibleProvider({ ...options, speaks }, openModels(options, looksLikeOpenAi));
}
