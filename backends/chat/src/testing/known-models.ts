import { modelChat, standIn, type ModelChat } from './stand-in-provider.ts';

const price = (dollars: number) => ({ input: dollars * 1e6, cachedInput: dollars * 1e5, output: dollars * 4e6 });
const chatting = ['chat', 'streaming'] as const;

/** An app with models of which different things are known. */
export function knownModels(): ModelChat {
  return modelChat({
    providers: [
      standIn('openai', [
        { id: 'wise', name: 'Wise', capabilities: [...chatting, 'vision'], quality: 0.9, price: price(10) },
        { id: 'quick', capabilities: chatting, quality: 0.5, price: price(1), contextWindow: 8_000 },
        { id: 'vectors', capabilities: ['embeddings'], price: price(0.1) },
      ]),
      standIn('anthropic', [{ id: 'wise' }], { aliases: ['claude'] }),
    ],
  });
}

/** Three calls that went well. */
export function measure({ health }: ModelChat, model: string, firstByteMs: number, provider = 'openai'): void {
  const call = { provider, model, outcome: 'completed', errorCode: null } as const;
  for (let i = 0; i < 3; i++) health.record({ ...call, firstByteMs, totalMs: firstByteMs * 2 });
}
