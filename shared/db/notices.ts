import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '../log.ts';

export type Notices = {
  /** Gets the payload of each notice, and null after every time when some may have been missed. */
  listen: (onNotice: (payload: string | null) => void) => { stop: () => Promise<void> };
};

/** `channel` is a plain name that we chose. */
export type NoticesOptions = { url: string; channel: 'gaia_revocations' | 'gaia_idempotency'; log: Logger };

const connectTimeoutMs = 2_000;
const retryMs = { first: 250, last: 5_000 };

/**
 * LISTENs on a connection of its own, which is opened again whenever it is lost. Behind a pooler that hands
 * connections around, notices do not arrive: whoever listens must also look by itself now and then.
 */
export function createNotices({ url, channel, log }: NoticesOptions): Notices {
  return {
    listen: (onNotice) => {
      let client: pg.Client | undefined;
      let timer: NodeJS.Timeout | undefined;
      let failures = 0;
      let isStopped = false;

      const connect = async (): Promise<void> => {
        const mine = createClient(url);
        const lost = (): void => {
          if (client === mine) retry();
        };
        mine.on('notification', ({ payload }) => onNotice(payload ?? ''));
        client = mine.on('end', lost).on('error', lost);
        await mine.connect();
        await mine.query(`LISTEN ${channel}`);
        failures = 0;
        onNotice(null);
      };
      const retry = (): void => {
        if (isStopped || timer) return;
        void close(client);
        client = undefined;
        timer = setTimeout(
          () => {
            timer = undefined;
            attempt();
          },
          Math.min(retryMs.first * 2 ** failures, retryMs.last),
        );
        failures += 1;
      };
      const attempt = (): void => {
        connect().catch((error: unknown) => {
          if (!isStopped) log.warn(`cannot listen to ${channel}`, { error });
          retry();
        });
      };
      attempt();
      return {
        stop: async () => {
          isStopped = true;
          clearTimeout(timer);
          await close(client);
        },
      };
    },
  };
}

function createClient(connectionString: string): pg.Client {
  return new pg.Client({
    connectionString,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: connectTimeoutMs,
    keepAlive: true,
  });
}

/** A server that is frozen answers no goodbye, and nobody waits for it longer than this. */
async function close(client: pg.Client | undefined): Promise<void> {
  if (!client) return;
  await Promise.race([client.end().catch(() => undefined), sleep(500, undefined, { ref: false })]);
}
