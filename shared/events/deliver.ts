import { setTimeout as sleep } from 'node:timers/promises';
import { headers, NatsError, type NatsConnection } from 'nats.ws';

/** An event that must arrive, as it goes over the wire. */
export type Delivery = {
  /** The same at every attempt: JetStream and consumers know a second delivery by it (header `Nats-Msg-Id`). */
  id: string;
  subject: string;
  text: string;
};

const answerMs = 2_000;
const streamsKnownMs = 60_000;

type Known = Map<string, { hasStream: boolean; until: number }>;
const knownOf = new WeakMap<NatsConnection, Known>();

/**
 * Resolves when the server has the message: stored in the stream that listens to the subject, or, where there is none,
 * handed on to who listens now. Rejects when that cannot be known; the message may have arrived all the same.
 */
export async function deliver(connection: NatsConnection, { id, subject, text }: Delivery): Promise<void> {
  if (await hasStream(connection, subject)) {
    await connection.jetstream().publish(subject, text, { msgID: id, timeout: answerMs });
    return;
  }
  const named = headers();
  named.set('Nats-Msg-Id', id);
  connection.publish(subject, text, { headers: named });
  await answered(connection.flush());
}

/**
 * Asked for first and remembered for a minute: a publication that waits for a stream's answer where only ordinary
 * subscribers listen would reach them and look like a failure.
 */
async function hasStream(connection: NatsConnection, subject: string): Promise<boolean> {
  const known: Known = knownOf.get(connection) ?? new Map();
  knownOf.set(connection, known);
  const remembered = known.get(subject);
  if (remembered && remembered.until > Date.now()) return remembered.hasStream;
  const found = await findStream(connection, subject);
  known.set(subject, { hasStream: found, until: Date.now() + streamsKnownMs });
  return found;
}

async function findStream(connection: NatsConnection, subject: string): Promise<boolean> {
  const manager = await connection.jetstreamManager({ checkAPI: false, timeout: answerMs });
  try {
    await manager.streams.find(subject);
    return true;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

/** No stream has the subject, JetStream is off, or it is not for us. */
function isAbsence(error: unknown): boolean {
  if (error instanceof NatsError) return ['503', '10039', 'PERMISSIONS_VIOLATION'].includes(error.code);
  return error instanceof Error && error.message === 'no stream matches subject';
}

async function answered(work: Promise<void>): Promise<void> {
  const stop = new AbortController();
  const late = sleep(answerMs, undefined, { signal: stop.signal, ref: false }).then(
    () => Promise.reject(new Error('NATS did not answer')),
    () => undefined,
  );
  try {
    await Promise.race([work, late]);
  } finally {
    stop.abort();
  }
}
