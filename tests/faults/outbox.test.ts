import { connect as connectNats, JSONCodec, type NatsConnection } from 'nats.ws';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { connect, type DatabaseConnection } from '#shared/db/connect.ts';
import { connectBus, type Bus } from '#shared/events/bus.ts';
import { enqueueEvent, startOutboxRelay, type OutboxRelay, type OutboxRelayOptions } from '#shared/events/outbox.ts';
import { natsPresence, natsServer, type NatsServer } from '../support/nats.ts';
import { subscribe } from '../support/nats-subscriber.ts';
import { createTestDatabase, queryRows, type TestDatabase } from '../support/postgres.ts';
import { silentLog } from '../support/silent-log.ts';

const subject = 'gaia.auth.key.created';
const Row = z.object({ id: z.string(), waits: z.boolean() });

let nats: NatsServer;
let database: TestDatabase;
let connection: DatabaseConnection;
let bus: Bus;
let relays: OutboxRelay[];

beforeEach(async () => {
  const server = await natsServer();
  if (!server) throw new Error('nats-server was there a moment ago');
  nats = server;
  relays = [];
  database = await createTestDatabase();
  connection = connect({ url: database.url, poolSize: 4, log: silentLog });
  const pace = { pingMs: 200, connectMs: 500, retryMs: 50 };
  bus = connectBus({ url: nats.url, subjectPrefix: '', service: 'auth', log: silentLog, pace });
});

afterEach(async () => {
  await Promise.all(relays.map(async (relay) => await relay.stop()));
  await bus.close();
  await connection.close();
  await database.drop();
  await nats.close();
});

const presence = await natsPresence();

describe.skipIf(presence.absent)(`the outbox, with a stream behind NATS${presence.note}`, () => {
  test('delivers what was written while there was no server, in its order', async () => {
    await withStream();
    await nats.kill();
    const ids = await enqueue(250);
    relay();
    expect(await waiting()).toBe(250);
    await nats.start();
    await allSent();
    expect(await stored()).toEqual(ids);
  });

  test('loses nothing and doubles nothing over a server that is killed and comes back, again and again', async () => {
    await withStream();
    relay();
    relay();
    const over = new AbortController();
    const writing = (async () => {
      do await enqueue(5);
      while (!over.signal.aborted);
    })();
    for (let turn = 0; turn < 3; turn++) {
      const sent = (await rows()).length - (await waiting());
      await vi.waitUntil(async () => (await rows()).length - (await waiting()) > sent, { timeout: 15_000 });
      await nats.kill();
      await nats.start();
    }
    over.abort();
    await writing;
    await allSent();
    expect((await stored()).toSorted()).toEqual((await rows()).map(({ id }) => id).toSorted());
  });

  test('waits for a frozen server without holding anybody up, and delivers when it thaws', async () => {
    await withStream();
    relay();
    await enqueue(1);
    await allSent();
    nats.freeze();
    const ids = await enqueue(3);
    await becomesAway();
    expect(await waiting()).toBe(3);
    nats.thaw();
    await allSent();
    expect((await stored()).slice(1)).toEqual(ids);
  });

  test('does not wait when it stops while the server says nothing, and the next process delivers', async () => {
    await withStream();
    const asked = vi.fn<Bus['deliver']>(async () => await new Promise(() => undefined));
    const stopping = startOutboxRelay({
      db: connection.db,
      bus: { ...bus, deliver: asked },
      log: silentLog,
      pollMs: 20,
    });
    const ids = await enqueue(1);
    await vi.waitUntil(() => asked.mock.calls.length > 0);
    await stopping.stop();
    expect(await waiting()).toBe(1);
    relay();
    await allSent();
    expect(await stored()).toEqual(ids);
  });

  test('sends again, under the same id, what the server had when the answer got lost', async () => {
    await withStream();
    const heard = new Set<string>();
    const lost = vi.fn<Bus['deliver']>(async (delivery) => {
      await bus.deliver(delivery);
      if (heard.has(delivery.id)) return;
      heard.add(delivery.id);
      throw new Error('the answer got lost');
    });
    relay({ bus: { ...bus, deliver: lost } });
    const ids = await enqueue(3);
    await allSent();
    expect(lost).toHaveBeenCalledTimes(6);
    expect(await stored()).toEqual(ids);
  });
});

describe.skipIf(presence.absent)(`the outbox, with ordinary subscribers only${presence.note}`, () => {
  test('hands each event on once, named by a header, as the schema has it and without its neighbours', async () => {
    await nats.start();
    const subscriber = await subscribe(nats.tcpPort, 'gaia.>');
    const ids = await enqueue(3);
    relay();
    for (const [index, id] of ids.entries()) {
      const message = await subscriber.next();
      expect(message.subject).toBe(subject);
      expect(JSON.parse(message.payload)).toEqual({ key_id: `key-${index}`, user_id: 'user' });
      expect(message.headers).toContain(`Nats-Msg-Id: ${id}`);
    }
    await allSent();
    subscriber.close();
  });

  test('of several relays, one sends an event', async () => {
    await nats.start();
    const deliver = vi.fn<Bus['deliver']>(async (delivery) => await bus.deliver(delivery));
    for (let i = 0; i < 3; i++) relay({ bus: { ...bus, deliver }, batchSize: 7 });
    const ids = await enqueue(100);
    await allSent();
    expect(deliver.mock.calls.map(([{ id }]) => id).toSorted()).toEqual(ids.toSorted());
  });
});

describe('an event in the outbox', () => {
  test('is there with its change or not at all, and never with what its schema does not name', async () => {
    const failing = connection.db.transaction(async (tx) => {
      await enqueueEvent(tx, subject, { key_id: 'rolled-back', user_id: 'user' });
      throw new Error('no change after all');
    });
    await expect(failing).rejects.toThrow('no change after all');
    const withSecret = { key_id: 'key', user_id: 'user', key: 'gaia_dev_secret' };
    await enqueueEvent(connection.db, subject, withSecret);
    const stored = await queryRows(database.url, 'select payload from outbox');
    expect(stored).toEqual([{ payload: { key_id: 'key', user_id: 'user' } }]);
    await expect(enqueueEvent(connection.db, subject, { key_id: '', user_id: 'user' })).rejects.toThrow('key_id');
  });

  test('goes when it was sent a day ago, or waited for a week', async () => {
    await enqueue(4);
    await queryRows(
      database.url,
      `update outbox set created_at = now() - ages.age, sent_at = case when is_sent then now() end
       from (values (1, '25 hours'::interval, true), (2, '23 hours', true), (3, '6 days', false), (4, '8 days', false))
         as ages (sequence, age, is_sent) where outbox.sequence = ages.sequence`,
    );
    relay({ retention: { everyMs: 0 } });
    await vi.waitFor(async () => {
      const left = await queryRows(database.url, 'select sequence::int from outbox order by sequence');
      expect(left).toEqual([{ sequence: 2 }, { sequence: 3 }]);
    });
  });
});

function relay(options: Partial<OutboxRelayOptions> = {}): void {
  relays.push(startOutboxRelay({ db: connection.db, bus, log: silentLog, pollMs: 20, ...options }));
}

/** The ids of these events, in the order of writing. */
async function enqueue(count: number): Promise<string[]> {
  const before = (await rows()).length;
  for (let i = 0; i < count; i++) await enqueueEvent(connection.db, subject, { key_id: `key-${i}`, user_id: 'user' });
  return (await rows()).slice(before, before + count).map(({ id }) => id);
}

async function rows(): Promise<z.infer<typeof Row>[]> {
  const query = 'select id::text, sent_at is null as waits from outbox order by sequence';
  return z.array(Row).parse(await queryRows(database.url, query));
}

async function waiting(): Promise<number> {
  return (await rows()).filter(({ waits }) => waits).length;
}

async function allSent(): Promise<void> {
  await vi.waitUntil(async () => (await waiting()) === 0, { timeout: 15_000 });
}

async function becomesAway(): Promise<void> {
  await vi.waitUntil(() => bus.status() === 'unavailable', { timeout: 5_000 });
}

/** Our own look at the server, beside the bus. */
async function withClient<T>(work: (client: NatsConnection) => Promise<T>): Promise<T> {
  const client = await connectNats({ servers: nats.url });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

async function withStream(): Promise<void> {
  await nats.start();
  await withClient(async (client) => {
    const manager = await client.jetstreamManager();
    await manager.streams.add({ name: 'GAIA', subjects: ['gaia.>'] });
  });
}

/** What the stream holds, by id. It knows a second message of one id, as any consumer can. */
async function stored(): Promise<string[]> {
  return await withClient(async (client) => {
    const manager = await client.jetstreamManager();
    const { state } = await manager.streams.info('GAIA');
    const ids: string[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage('GAIA', { seq });
      expect(JSONCodec().decode(message.data)).toMatchObject({ user_id: 'user' });
      if (message.subject === subject) ids.push(message.header.get('Nats-Msg-Id'));
    }
    return ids;
  });
}
