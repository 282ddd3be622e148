import { serve, type Listening } from '#shared/service/serve.ts';
import { createLogger } from '#shared/log.ts';
import type { ChatProvider } from '../completion/chat-provider.ts';
import type { CallLimits } from '../calls/calls.ts';
import { createOpenAiCompatibleProvider } from '../providers/index.ts';
import { asUser, createTestChat, type TestChat } from './chat-app.ts';

export type VendorChat = TestChat & {
  port: number;
  provider: ChatProvider;
  post: (body: string) => Promise<Response>;
  close: () => Promise<void>;
};

/** Of a shape that the mask for logs does not know. */
export const vendorKey = 'acme+key+0123456789';

export const unary =
  '{"model":"m-1","messages":[{"role":"user","content":"hi"}],"temperature":1.0,"unknown":{"a":[1e2]}}';
export const streaming = unary.replace('{', '{"stream":true,');

export const quietLog = createLogger({ service: 'chat', level: 'error', write: () => undefined });

/** The chat backend on a real port, with one OpenAI-compatible provider `acme` at `baseUrl` that serves `m-1`. */
export async function startVendorChat(baseUrl: string, limits: Partial<CallLimits> = {}): Promise<VendorChat> {
  const provider = createOpenAiCompatibleProvider({
    id: 'acme',
    name: 'Acme',
    baseUrl,
    apiKey: vendorKey,
    models: ['m-1'],
    timeouts: { connectMs: 1_000, idleMs: 10_000, totalMs: 10_000 },
  });
  const chat = createTestChat({ providers: [provider], limits });
  const server: Listening = await serve({ app: chat.app, host: '127.0.0.1', port: 0, log: quietLog });
  const url = `http://127.0.0.1:${server.port}/v1/chat/completions`;
  const headers = { ...asUser('chat:write'), 'content-type': 'application/json', 'x-request-id': 'request-0001' };
  return {
    ...chat,
    port: server.port,
    provider,
    post: async (body) => await fetch(url, { method: 'POST', headers, body }),
    close: async () => {
      await server.close(0);
      await provider.close();
    },
  };
}
