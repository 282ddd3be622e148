import * as z from 'zod';
import { parsedJson } from '#shared/json.ts';
import { start, type Running } from '../../ops/run.ts';
import type { TestIdentity } from './assertions.ts';

export type AuthProcess = { child: Running; url: string };

const Listening = z.object({ message: z.literal('listening'), port: z.number() });

/** An auth process of its own behind a gateway's identity, for tests of how it is put together. */
export async function startAuthProcess(
  identity: TestIdentity,
  env: Record<string, string> & { DATABASE_URL: string },
): Promise<AuthProcess> {
  const child = await start({
    argv: [process.execPath, 'backends/auth/src/main.ts'],
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
    void child.exited.then(() => reject(new Error(`auth did not start: ${lines.join('\n')}`)));
  });
  return { child, url: `http://127.0.0.1:${port}` };
}
