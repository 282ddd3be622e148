import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { natsPresence } from '../../tests/support/nats.ts';
import { listen } from '../../tests/support/listen.ts';
import { findNatsServer, startNats } from './nats.ts';

let directory: string;
let occupant: Server;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gaia-nats-'));
  occupant = createServer();
});

afterEach(async () => {
  vi.unstubAllEnvs();
  occupant.close();
  await rm(directory, { recursive: true, force: true });
});

test('finds nothing on a PATH without nats-server, and says so in one sentence', async () => {
  vi.stubEnv('PATH', directory);
  expect(findNatsServer()).toBeNull();
  await expect(startNats({ directory })).rejects.toThrow('nats-server is not on the PATH.');
});

const presence = await natsPresence();

describe.skipIf(presence.absent)(`a local nats-server${presence.note}`, () => {
  test('serves websocket, TCP and JetStream on ports of its own, and is gone after stop', async () => {
    const steps: string[] = [];
    const nats = await startNats({ directory, onProgress: (step) => steps.push(step) });
    const answer = await fetch(`${nats.monitorUrl}/varz`);
    expect(await answer.json()).toMatchObject({
      host: '127.0.0.1',
      port: nats.ports.tcp,
      websocket: { host: '127.0.0.1', port: nats.ports.websocket, no_tls: true },
      jetstream: { config: { store_dir: join(directory, 'jetstream', 'jetstream') } },
    });
    expect(steps).not.toEqual([]);
    await nats.stop();
    await expect(fetch(`${nats.monitorUrl}/varz`)).rejects.toThrow('fetch failed');
  });

  test('two run side by side', async () => {
    const first = await startNats({ directory: join(directory, 'first') });
    const second = await startNats({ directory: join(directory, 'second') });
    expect(second.ports.tcp).not.toBe(first.ports.tcp);
    await Promise.all([first.stop(), second.stop()]);
  });

  test('rejects with the reason when its port is taken', async () => {
    const taken = await listen(occupant);
    const ports = { tcp: taken, websocket: -1, monitor: -1 };
    await expect(startNats({ directory, ports })).rejects.toThrow(/did not start.*address already in use/);
  });
});
