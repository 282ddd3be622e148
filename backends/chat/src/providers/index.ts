import type { ChatProvider } from '../completion/chat-provider.ts';
import { createAnthropicProvider } from './anthropic.ts';
import { createLocalProvider } from './local.ts';
import { createOpenAiCompatibleProvider } from './openai-compatible.ts';
import { createOpenAiProvider } from './openai.ts';
import type { Vendor, VendorOptions } from './vendor-options.ts';

export { modelsStandingOn } from './vendor-models.ts';
export { createAnthropicProvider, createLocalProvider, createOpenAiCompatibleProvider, createOpenAiProvider };

/** The vendors that are more than configuration, by id; any other speaks OpenAI's protocols. */
const vendorProviders: Readonly<Record<string, typeof createOpenAiProvider | undefined>> = {
  anthropic: createAnthropicProvider,
  openai: createOpenAiProvider,
};

export type ProvidersOptions = Pick<VendorOptions, 'timeouts' | 'cardOf' | 'knownModels'> & {
  vendors: readonly Vendor[];
  isLocalEnabled: boolean;
};

/** Every configured provider, in the order of precedence. */
export function createProviders({ vendors, isLocalEnabled, ...common }: ProvidersOptions): ChatProvider[] {
  const providers = vendors.map((vendor) => {
    const create = vendorProviders[vendor.id] ?? createOpenAiCompatibleProvider;
    return create({ ...vendor, ...common });
  });
  return isLocalEnabled ? [...providers, createLocalProvider()] : providers;
}
