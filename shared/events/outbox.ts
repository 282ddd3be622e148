import { and, inArray, isNotNull, isNull, lt, or, sql } from 'drizzle-orm';
import { events, type EventPayload, type EventSubject } from '../contracts/events.ts';
import type { Database } from '../db/connect.ts';
import { outbox } from '../db/schema.ts';
import type { Logger } from '../log.ts';
import type { Bus } from './bus.ts';

/**
 * Records an event in the transaction of what it tells: both happen, or neither. What the schema does not name is left
 * out, and what breaks it fails the transaction.
 *
 *     await enqueueEvent(tx, 'gaia.auth.key.revoked', { key_id, user_id });
 */
export async function enqueueEvent<Subject extends EventSubject>(
  tx: Database,
  subject: Subject,
  payload: EventPayload<Subject>,
): Promise<void> {
  await tx.insert(outbox).values({ subject, payload: events[subject].parse(payload) });
}

export type OutboxRelayOptions = {
  db: Database;
  bus: Pick<Bus, 'status' | 'onStatus' | 'deliver'>;
  log: Logger;
  pollMs?: number;
  batchSize?: number;
  retention?: Partial<OutboxRetention>;
};

export type OutboxRetention = {
  everyMs: number;
  sentMs: number;
  /** Nobody waits longer for news, and a server that never comes must not fill the database. */
  waitingMs: number;
};

export type OutboxRelay = { stop: () => Promise<void> };

const hourMs = 3_600_000;
const defaultRetention: OutboxRetention = { everyMs: 60_000, sentMs: 24 * hourMs, waitingMs: 7 * 24 * hourMs };
const pruneLimit = 1_000;

/**
 * Brings recorded events to NATS, in their order as far as one process goes; any number of processes share the work.
 * An event is marked as sent after the server has it, so a crash in between sends it again, under the same id.
 */
export function startOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const { db, bus, log, pollMs = 1_000, batchSize = 100 } = options;
  const retention = { ...defaultRetention, ...options.retention };
  const stopping = new AbortController();
  const { promise: stopped, reject: giveUp } = Promise.withResolvers<never>();
  stopped.catch(() => undefined);
  /** A stop does not wait for NATS: what is on its way is sent again by the next process. */
  const deliver: Bus['deliver'] = async (delivery) => await Promise.race([bus.deliver(delivery), stopped]);
  let running: Promise<void> | undefined;
  let prunedAt = Date.now();

  const isOn = (): boolean => !stopping.signal.aborted && bus.status() === 'connected';
  const work = async (): Promise<void> => {
    try {
      while (isOn() && (await relayBatch({ db, deliver, log, batchSize })));
      if (stopping.signal.aborted || Date.now() - prunedAt < retention.everyMs) return;
      prunedAt = Date.now();
      await prune(db, log, retention);
    } catch (error) {
      log.warn('events could not be relayed', { error });
    }
  };
  const wake = (): void => {
    if (!stopping.signal.aborted) running ??= work().finally(() => (running = undefined));
  };
  const timer = setInterval(wake, pollMs);
  const deaf = bus.onStatus((status) => {
    if (status === 'connected') wake();
  });
  wake();
  return {
    stop: async () => {
      stopping.abort();
      giveUp(new Error('the process stops'));
      clearInterval(timer);
      deaf();
      await running;
    },
  };
}

type Batch = Required<Pick<OutboxRelayOptions, 'db' | 'log' | 'batchSize'>> & Pick<Bus, 'deliver'>;

/** True: there may be more. Rows are locked meanwhile, and nobody waits for the lock. */
async function relayBatch({ db, deliver, log, batchSize }: Batch): Promise<boolean> {
  return await db.transaction(async (tx) => {
    const rows = await tx
      .select()
      .from(outbox)
      .where(isNull(outbox.sentAt))
      .orderBy(outbox.sequence)
      .limit(batchSize)
      .for('update', { skipLocked: true });
    if (rows.length === 0) return false;
    const outcomes = await Promise.allSettled(
      rows.map(async ({ id, subject, payload }) => await deliver({ id, subject, text: JSON.stringify(payload) })),
    );
    const sent = rows.filter((_, index) => outcomes[index]?.status === 'fulfilled').map(({ sequence }) => sequence);
    if (sent.length > 0)
      await tx
        .update(outbox)
        .set({ sentAt: sql`now()` })
        .where(inArray(outbox.sequence, sent));
    const failed = outcomes.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') {
      log.warn('events wait for NATS', { error: failed.reason, count: rows.length - sent.length });
    }
    return sent.length === batchSize;
  });
}

async function prune(db: Database, log: Logger, { sentMs, waitingMs }: OutboxRetention): Promise<void> {
  const before = (ms: number): Date => new Date(Date.now() - ms);
  const isOver = or(
    and(isNotNull(outbox.sentAt), lt(outbox.createdAt, before(sentMs))),
    lt(outbox.createdAt, before(waitingMs)),
  );
  const over = db.select({ sequence: outbox.sequence }).from(outbox).where(isOver).limit(pruneLimit);
  const gone = await db.delete(outbox).where(inArray(outbox.sequence, over)).returning({ sentAt: outbox.sentAt });
  const lost = gone.filter(({ sentAt }) => sentAt === null).length;
  if (lost > 0) log.error('events were given up: NATS was away for too long', { count: lost });
}
