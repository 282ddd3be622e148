import * as z from 'zod';
import type { ServiceName } from '#shared/identity/assertion.ts';
import { parsedJson } from '#shared/json.ts';
import { start, type Running } from '../../ops/run.ts';
import type { TestIdentity } from './assertions.ts';

export type BackendProcess = { child: Running; port: number; url: string };

const Listening = z.object({ message: z.literal('listening'), port: z.number() });

/** A backend in a process of its own behind a gateway's identity, for tests that need more than the stack's one. */
export async function startBackendProcess(
  service: ServiceName,
  identity: TestIdentity,
  env: Record<string, string> & { DATABASE_URL: string },
): Promise<BackendProcess> {
  const child = await start({
    argv: [process.execPath, `backends/${service}/src/main.ts`],
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
    void child.exited.then(() => reject(new Error(`${service} did not start: ${lines.join('\n')}`)));
  });
  return { child, port, url: `http://127.0.0.1:${port}` };
}
