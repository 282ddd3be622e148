import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { TestIdentity } from './assertions.ts';
import { startBackendProcess, type BackendProcess } from './backend-process.ts';

export type ChatProcess = BackendProcess & {
  /** As the gateway would for this caller. */
  post: (principal: UserPrincipal, path: string, body: object) => Promise<Response>;
};

export async function startChatProcess(
  identity: TestIdentity,
  env: Record<string, string> & { DATABASE_URL: string },
): Promise<ChatProcess> {
  const chat = await startBackendProcess('chat', identity, env);
  return {
    ...chat,
    post: async (principal, path, body) =>
      await fetch(`${chat.url}${path}`, {
        method: 'POST',
        headers: { ...(await identity.headers(principal, 'chat')), 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
  };
}
