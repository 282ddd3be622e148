export { createLocalProvider } from './local.ts';
export { createOpenAiCompatibleProvider } from './openai-compatible.ts';
