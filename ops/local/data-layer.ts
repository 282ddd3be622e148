import { join } from 'node:path';
import { ensureApplicationLogin } from '#shared/db/application-role.ts';
import { migrate } from '#shared/db/migrate.ts';
import { randomBase62 } from '#shared/id.ts';
import { createLogger } from '#shared/log.ts';
import { OpsError } from '../command.ts';
import { findNatsServer, startNats } from './nats.ts';
import { startPostgres } from './postgres.ts';
import type { Running } from '../run.ts';
import type { RunRecord } from './run-record.ts';
import { seedDevUser } from './seed.ts';

export type DataLayerOptions = {
  directory: string;
  record: RunRecord;
  nats: boolean;
  fastAndLossy: boolean;
  /** Absent or taken: a free one. */
  databasePort: number | undefined;
  signal: AbortSignal;
  onProgress: (message: string) => void;
  /** A server that ran ended although nobody asked it to. */
  onDeath: (name: string, how: string) => void;
  onStep: <T>(name: string, work: Promise<T>) => Promise<T>;
};

export type DataFacts = {
  /** As the owner: for migrations, seeds and tests. */
  databaseUrl: string;
  /** As the application's role, which can make no tables: for the backends. */
  applicationUrl: string;
  natsUrl: string;
  key: string;
};
export type DataLayer = { start: () => Promise<DataFacts>; stop: () => Promise<void> };

type Server = { url: string; process: Pick<Running, 'pid' | 'exited'>; stop: () => Promise<void> };

/** What the backends stand on: a migrated Postgres with the development user in it, and NATS where it is installed. */
export function createDataLayer(options: DataLayerOptions): DataLayer {
  const { directory, record, signal, onStep, onProgress, fastAndLossy } = options;
  const started: { name: string; server: Promise<Server> }[] = [];
  let stopping = false;
  const launch = async (name: string, server: Promise<Server>): Promise<Server> => {
    started.push({ name, server });
    const { process } = await server;
    await record.add(name, process.pid);
    void process.exited.then(({ code, signal }) => {
      if (!stopping) options.onDeath(name, signal ?? `exit code ${code ?? 'unknown'}`);
    });
    return await server;
  };
  return {
    start: async () => {
      const postgres = startPostgres({
        directory: join(directory, 'postgres'),
        onProgress,
        fastAndLossy,
        ...(options.databasePort !== undefined && { port: options.databasePort }),
      });
      const [{ url }, natsUrl] = await Promise.all([
        onStep('Postgres', launch('postgres', postgres.catch(asSentence))),
        natsUrlOf(options, launch),
      ]);
      signal.throwIfAborted();
      const log = createLogger({ service: 'migrate', level: 'warn', write: onProgress });
      await onStep('migrations', migrate({ url, direction: 'up', log }).catch(asSentence));
      const key = await seedDevUser(url, directory);
      // A password a start: it is in no file, and the role is of no use to who has it after we stopped.
      const applicationUrl = await ensureApplicationLogin(url, randomBase62(32)).catch(asSentence);
      return { databaseUrl: url, applicationUrl, natsUrl, key };
    },
    stop: async () => {
      stopping = true;
      for (const { server } of started.toReversed()) {
        const running = await server.catch(() => null); // One that never started has nothing to stop.
        if (running === null) continue;
        await running.stop();
        await record.remove(running.process.pid);
      }
    },
  };
}

async function natsUrlOf(
  { directory, nats, onStep }: DataLayerOptions,
  launch: (name: string, server: Promise<Server>) => Promise<Server>,
): Promise<string> {
  if (!nats || findNatsServer() === null) return 'disabled';
  const server = startNats({ directory: join(directory, 'nats') });
  return (await onStep('NATS', launch('nats', server.catch(asSentence)))).url;
}

/** What Postgres, NATS and migrations reject with says already what is wrong and what to do. */
function asSentence(error: unknown): never {
  throw new OpsError(error instanceof Error ? error.message : String(error), { cause: error });
}
