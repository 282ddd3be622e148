import { subscribe as onChannel, unsubscribe as offChannel } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectBus, type Bus, type BusOptions, type BusStatus } from '#shared/events/bus.ts';
import { createLogger } from '#shared/log.ts';
import { natsPresence, natsServer, type NatsServer } from '../support/nats.ts';
import { subscribe } from '../support/nats-subscriber.ts';

const event = { key_id: 'key_1', user_id: 'usr_1' };
/** Far below any time-out of the bus, and above what a busy machine takes to load its websocket client. */
const atOnceMs = 250;

let nats: NatsServer;
let buses: Bus[];
let lines: string[];

function open(options: Partial<BusOptions> = {}): Bus {
  const log = createLogger({ service: 'test', level: 'debug', write: (line) => lines.push(line) });
  const pace = { pingMs: 200, connectMs: 500, retryMs: 50 };
  const bus = connectBus({ url: nats.url, subjectPrefix: '', service: 'chat', log, pace, ...options });
  buses.push(bus);
  return bus;
}

async function becomes(bus: Bus, wanted: BusStatus): Promise<void> {
  if (bus.status() === wanted) return;
  await new Promise<void>((resolve) => {
    const stop = bus.onStatus((status) => {
      if (status !== wanted) return;
      stop();
      resolve();
    });
  });
}

async function took(work: () => unknown): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

const presence = await natsPresence();

describe.skipIf(presence.absent)(`the bus${presence.note}`, () => {
  beforeEach(async () => {
    buses = [];
    lines = [];
    const server = await natsServer();
    if (!server) throw new Error('nats-server was there a moment ago');
    nats = server;
  });

  afterEach(async () => {
    await Promise.all(buses.map(async (bus) => await bus.close()));
    await nats.close();
  });

  test('starts at once without a server, says unavailable, and connects when one comes', async () => {
    const opening = await took(() => open());
    const [bus] = buses;
    if (!bus) throw new Error('no bus');
    expect(opening).toBeLessThan(atOnceMs);
    expect(bus.status()).toBe('unavailable');
    await nats.start();
    await becomes(bus, 'connected');
  });

  test('reconnects to a server that was killed and came back', async () => {
    await nats.start();
    const bus = open();
    await becomes(bus, 'connected');
    await nats.kill();
    await becomes(bus, 'unavailable');
    await nats.start();
    await becomes(bus, 'connected');
    const subscriber = await subscribe(nats.tcpPort, '>');
    bus.publish('gaia.auth.key.created', event);
    expect((await subscriber.next()).subject).toBe('gaia.auth.key.created');
    subscriber.close();
  });

  test('notices a frozen server, and reconnects when it thaws', async () => {
    await nats.start();
    const bus = open();
    await becomes(bus, 'connected');
    nats.freeze();
    expect(await took(() => becomes(bus, 'unavailable'))).toBeLessThan(1_000);
    nats.thaw();
    await becomes(bus, 'connected');
  });

  test('notices a frozen server while it is flooded with events, and keeps its buffer bounded', async () => {
    await nats.start();
    const bus = open();
    await becomes(bus, 'connected');
    nats.freeze();
    const frozen = becomes(bus, 'unavailable');
    const flood = setInterval(() => {
      for (let i = 0; i < 5_000; i += 1) bus.publish('gaia.chat.message.failed', longest);
    }, 5);
    await frozen;
    clearInterval(flood);
    expect(lines.some((line) => line.includes('event dropped'))).toBe(true);
  });

  test('closes within half a second while the server is frozen', async () => {
    await nats.start();
    const bus = open({ pace: { pingMs: 60_000 } });
    await becomes(bus, 'connected');
    nats.freeze();
    bus.publish('gaia.auth.key.created', event);
    expect(await took(bus.close)).toBeLessThan(500);
    expect(bus.status()).toBe('unavailable');
  });

  test('closes at once while there is no server', async () => {
    const bus = open();
    expect(await took(bus.close)).toBeLessThan(atOnceMs);
  });

  test('publish while the server is away neither throws nor waits, and what was published is gone', async () => {
    const bus = open();
    const publishing = await took(() => {
      for (let i = 0; i < 1_000; i += 1) bus.publish('gaia.auth.key.created', event);
    });
    expect(publishing).toBeLessThan(atOnceMs);
    await nats.start();
    const subscriber = await subscribe(nats.tcpPort, '>');
    await becomes(bus, 'connected');
    bus.publish('gaia.auth.key.revoked', event);
    expect((await subscriber.next()).subject).toBe('gaia.auth.key.revoked');
    subscriber.close();
  });

  test('puts the prefix before the subject, and sends the payload as JSON', async () => {
    await nats.start();
    const subscriber = await subscribe(nats.tcpPort, '>');
    const bus = open({ subjectPrefix: 'ada' });
    await becomes(bus, 'connected');
    bus.publish('gaia.auth.key.revoked', event);
    const { subject, payload } = await subscriber.next();
    expect(subject).toBe('ada.gaia.auth.key.revoked');
    expect(JSON.parse(payload)).toEqual(event);
    subscriber.close();
  });

  test('sends nothing that the schema does not name, and nothing at all that breaks it', async () => {
    await nats.start();
    const subscriber = await subscribe(nats.tcpPort, '>');
    const bus = open();
    await becomes(bus, 'connected');
    bus.publish('gaia.auth.key.revoked', { ...event, key_id: '' });
    const withSecret = { ...event, secret: 'not to be sent' };
    bus.publish('gaia.auth.key.created', withSecret);
    const { subject, payload } = await subscriber.next();
    expect(subject).toBe('gaia.auth.key.created');
    expect(JSON.parse(payload)).toEqual(event);
    subscriber.close();
  });

  test('delivers what was published right before close', async () => {
    await nats.start();
    const subscriber = await subscribe(nats.tcpPort, '>');
    const bus = open();
    await becomes(bus, 'connected');
    bus.publish('gaia.auth.key.revoked', event);
    await bus.close();
    expect((await subscriber.next()).subject).toBe('gaia.auth.key.revoked');
    subscriber.close();
  });

  test('disabled opens no socket and is not taken for a host name', async () => {
    const sockets = await socketsOpenedBy(async () => {
      const bus = open({ url: 'disabled' });
      expect(bus.status()).toBe('disabled');
      bus.publish('gaia.auth.key.created', event);
      await bus.close();
      await new Promise(setImmediate);
      expect(bus.status()).toBe('disabled');
    });
    expect(sockets).toBe(0);
    const control = await socketsOpenedBy(async () => {
      await nats.start();
      await becomes(open(), 'connected');
    });
    expect(control).toBeGreaterThan(0);
  });
});

const longest = {
  message_id: 'm'.repeat(200),
  conversation_id: 'c'.repeat(200),
  user_id: 'u'.repeat(200),
  provider: 'p'.repeat(200),
  model: 'm'.repeat(200),
  code: 'timeout',
};

/** Node announces every client socket before it looks a name up, so that an attempt that fails counts too. */
async function socketsOpenedBy(work: () => Promise<void>): Promise<number> {
  let sockets = 0;
  const count = (): void => {
    sockets += 1;
  };
  onChannel('net.client.socket', count);
  await work();
  offChannel('net.client.socket', count);
  return sockets;
}
