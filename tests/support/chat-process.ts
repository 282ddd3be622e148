import * as z from 'zod';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import { parsedJson } from '#shared/json.ts';
import { start, type Running } from '../../ops/run.ts';
import type { TestIdentity } from './assertions.ts';

export type ChatProcess = {
  child: Running;
  port: number;
  /** As the gateway would for this caller. */
  post: (principal: UserPrincipal, path: string, body: object) => Promise<Response>;
};

const Listening = z.object({ message: z.literal('listening'), port: z.number() });

/** A chat process of its own behind a gateway's identity, for tests that need more than the stack's one. */
export async function startChatProcess(
  identity: TestIdentity,
  env: Record<string, string> & { DATABASE_URL: string },
): Promise<ChatProcess> {
  const child = await start({
    argv: [process.execPath, 'backends/chat/src/main.ts'],
    ipc: true,
    env: {
      ENVIRONMENT: 'local',
      HOST: '127.0.0.1',
      PORT: '0',
      NATS_URL: 'disabled',
      GATEWAY_PUBLIC_KEYS: JSON.stringify(identity.publicKeys),
      ...env,
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    const lines: string[] = [];
    child.onLine((line) => {
      lines.push(line);
      const listening = Listening.safeParse(parsedJson(line));
      if (listening.success) resolve(listening.data.port);
    });
    void child.exited.then(() => reject(new Error(`chat did not start: ${lines.join('\n')}`)));
  });
  return {
    child,
    port,
    post: async (principal, path, body) =>
      await fetch(`http://127.0.0.1:${port}${path}`, {
        method: 'POST',
        headers: { ...(await identity.headers(principal, 'chat')), 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
  };
}
