import { setTimeout as sleep } from 'node:timers/promises';
import { connect, Events, DebugEvents, type NatsConnection } from 'nats.ws';
import { events, type EventPayload, type EventSubject } from '../contracts/events.ts';
import type { Logger } from '../log.ts';
import { deliver, type Delivery } from './deliver.ts';

export type BusStatus = 'connected' | 'disabled' | 'unavailable';

export type BusOptions = {
  /** `disabled`, or a websocket URL; the word is compared, never looked up. */
  url: string;
  /** Set where developers share a server: `<prefix>.gaia…`. Empty: none. */
  subjectPrefix: string;
  /** The name the server's monitoring shows. */
  service: string;
  log: Logger;
  pace?: Partial<BusPace>;
};

export type BusPace = {
  /** A server that does not answer is noticed between one and two of these after it froze. */
  pingMs: number;
  /** How long one attempt to connect may take. */
  connectMs: number;
  /** The mean pause between two attempts; each is drawn between half and one and a half of it. */
  retryMs: number;
};

export type Bus = {
  status: () => BusStatus;
  /** Calls back on every change from now on, and gives the function that ends that. */
  onStatus: (listener: (status: BusStatus) => void) => () => void;
  /** A hint, sent and forgotten: never throws, never waits, and is dropped while NATS is away. */
  publish: <Subject extends EventSubject>(subject: Subject, payload: EventPayload<Subject>) => void;
  /**
   * For the relay of the outbox: resolves when the server has the message and rejects otherwise, within seconds. What
   * was rejected may have arrived; whoever tries again does so under the same id.
   */
  deliver: (delivery: Delivery) => Promise<void>;
  /** Sends what was published and closes, within half a second whatever the server does. */
  close: () => Promise<void>;
};

const defaultPace: BusPace = { pingMs: 2_000, connectMs: 3_000, retryMs: 1_000 };
const closeMs = 400;
/** Beyond this the server does not keep up, or is frozen and not yet noticed; hints are then dropped, not stored. */
const maxBufferedBytes = 1_048_576;

/**
 * Starts to connect in the background and returns at once: NATS never delays a start, a request or a stop. It retries
 * for ever, whether the server was absent, was killed or froze.
 */
export function connectBus(options: BusOptions): Bus {
  if (options.url === 'disabled') return disabledBus;
  const link = createLink({ ...options, pace: { ...defaultPace, ...options.pace } });
  const drop = (subject: string, error?: unknown): void => {
    options.log.debug('event dropped', { subject, state: link.status(), ...(error === undefined ? {} : { error }) });
  };
  return {
    status: link.status,
    onStatus: link.onStatus,
    close: link.close,
    deliver: async ({ subject, ...message }) => {
      const connection = link.writable();
      if (!connection) throw new Error('NATS is away');
      await deliver(connection, { ...message, subject: prefixed(options.subjectPrefix, subject) });
    },
    publish: (subject, payload) => {
      const connection = link.writable();
      if (!connection) return drop(subject);
      const parsed = events[subject].safeParse(payload);
      if (!parsed.success) {
        options.log.warn('event does not match its schema', { subject, error: parsed.error });
        return undefined;
      }
      try {
        // What was parsed, not what was given: a field that the schema does not name stays here.
        connection.publish(prefixed(options.subjectPrefix, subject), JSON.stringify(parsed.data));
      } catch (error) {
        drop(subject, error);
      }
      return undefined;
    },
  };
}

const disabledBus: Bus = {
  status: () => 'disabled',
  onStatus: () => () => undefined,
  publish: () => undefined,
  deliver: async () => await Promise.reject(new Error('NATS is disabled')),
  close: async () => undefined,
};

function prefixed(prefix: string, subject: string): string {
  return prefix ? `${prefix}.${subject}` : subject;
}

type LinkOptions = Pick<BusOptions, 'url' | 'service' | 'log'> & { pace: BusPace };

type Link = Pick<Bus, 'status' | 'onStatus' | 'close'> & { writable: () => NatsConnection | null };

/** One connection, kept up by a loop of our own: nats.ws leaks its socket when an attempt to connect times out. */
function createLink(options: LinkOptions): Link {
  const listeners = new Set<(status: BusStatus) => void>();
  const closing = new AbortController();
  let session: Session | null = null;

  const become = (next: Session | null): void => {
    if ((session === null) === (next === null)) return;
    if (next && closing.signal.aborted) return;
    session = next;
    const status = next ? 'connected' : 'unavailable';
    options.log.info(next ? 'NATS is connected' : 'NATS is away', { state: status });
    for (const listener of listeners) listener(status);
  };

  const keepUp = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      try {
        const opened = await openSession(options, closing.signal);
        become(opened);
        await opened.ended;
      } catch (error) {
        options.log.debug('no connection to NATS', { error });
      }
      become(null);
      await pause(options.pace.retryMs * (0.5 + Math.random()), closing.signal);
    }
  };
  void keepUp();

  return {
    status: () => (session ? 'connected' : 'unavailable'),
    onStatus: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    writable: () => (session && session.bufferedBytes() <= maxBufferedBytes ? session.connection : null),
    close: async () => {
      const connection = session?.connection;
      if (connection) await Promise.race([connection.drain().catch(() => undefined), sleep(closeMs)]);
      closing.abort();
      become(null);
    },
  };
}

type Session = { connection: NatsConnection; bufferedBytes: () => number; ended: Promise<void> };
type ConnectOptions = NonNullable<Parameters<typeof connect>[0]> & {
  wsFactory: () => Promise<{ socket: WebSocket; encrypted: boolean }>;
};

/** Connects once. `ended` resolves, with the socket closed, when the server left, stopped answering, or we close. */
async function openSession({ url, service, pace }: LinkOptions, closing: AbortSignal): Promise<Session> {
  const socket = new WebSocket(url);
  const stopped = Promise.withResolvers<void>();
  const stop = (): void => {
    socket.close();
    stopped.resolve();
  };
  const release = (): void => {
    closing.removeEventListener('abort', stop);
    socket.close();
  };
  closing.addEventListener('abort', stop);
  try {
    const options: ConnectOptions = {
      servers: url,
      name: service,
      reconnect: false,
      timeout: pace.connectMs,
      pingInterval: pace.pingMs,
      maxPingOut: 1,
      ignoreClusterUpdates: true,
      wsFactory: async () => ({ socket, encrypted: url.startsWith('wss:') }),
    };
    const connection = await connect(options);
    const ended = Promise.race([connection.closed(), silence(connection), stopped.promise]).then(release);
    return { connection, bufferedBytes: () => socket.bufferedAmount, ended };
  } catch (error) {
    release();
    throw error;
  }
}

/** nats.ws closes only when its buffer is empty, which a frozen server never lets happen; we leave at the first sign. */
async function silence(connection: NatsConnection): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type === DebugEvents.StaleConnection || type === Events.Disconnect) return;
  }
}

/** Ends early, and without an error, when the signal aborts. Keeps no process alive. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
