import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '#shared/log.ts';
import type { RevocationNotices } from '../revocations/revocation-feed.ts';

const connectTimeoutMs = 2_000;
const retryMs = { first: 250, last: 5_000 };

/**
 * LISTENs on a connection of its own, which is opened again whenever it is lost. Behind a pooler that hands
 * connections around, notices do not arrive; the poll does without.
 */
export function createRevocationNotices({ url, log }: { url: string; log: Logger }): RevocationNotices {
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
        client = mine.on('notification', onNotice).on('end', lost).on('error', lost);
        await mine.connect();
        await mine.query('LISTEN gaia_revocations');
        failures = 0;
        onNotice(); // What was said while nobody listened.
      };
      const retry = (): void => {
        if (isStopped || timer) return;
        void close(client);
        client = undefined;
        const delay = Math.min(retryMs.first * 2 ** failures, retryMs.last);
        failures += 1;
        timer = setTimeout(() => {
          timer = undefined;
          void attempt();
        }, delay);
      };
      const attempt = async (): Promise<void> => {
        const failed = (error: unknown): void => {
          log.warn('cannot listen for revocations', { error });
          retry();
        };
        await connect().catch(failed);
      };
      void attempt();
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

function createClient(url: string): pg.Client {
  return new pg.Client({
    connectionString: url,
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
