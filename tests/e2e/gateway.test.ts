import { cp, mkdir, mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ResolvedKey } from '#shared/identity/resolved-key.ts';
import type { RevocationFeed } from '#shared/identity/revocation-feed.ts';
import { createApiKey } from '#shared/identity/api-key.ts';
import { startFleet, type Fleet } from '../../ops/gateway/fleet.ts';
import { gatewayCapnp } from '../../ops/local/workerd.ts';
import { copyGatewayBundle } from '../support/gateway-bundle.ts';
import { answerHealth, json, startHttp, type TestBackend } from '../support/edge-backends.ts';
import { settingsBefore } from '../support/gateway-settings.ts';

// A bundle of its own: other tests write dist/gateway meanwhile.
let root: string;
let backend: TestBackend;
let settings: Record<string, string>;
const backendSees: { hold: Promise<void>; arrived: () => void } = { hold: Promise.resolve(), arrived: () => undefined };

const rpm = 30;
const limitedKey: ResolvedKey = {
  principal: { kind: 'user', userId: 'user-1', keyId: 'key-1', scopes: ['chat:read'], limits: { rpm } },
  restrictions: { allowedOrigins: null, allowedIps: null },
  expiresAt: null,
};
const nothingRevoked: RevocationFeed = { position: 0, reset: true, completeSince: 0, ageMs: 0, revocations: [] };

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'gaia-gateway-test-'));
  await mkdir(join(root, 'edge-gateway'));
  for (const name of ['workerd.capnp', 'workerd-limiter.capnp']) {
    await cp(join(gatewayCapnp, '..', name), join(root, 'edge-gateway', name));
  }
  await mkdir(join(root, 'dist/gateway'), { recursive: true });
  await copyGatewayBundle(join(root, 'dist/gateway'));
  backend = await startHttp((request, response) => {
    if (request.url === '/internal/keys/resolve') return json(response, 200, limitedKey);
    if (request.url?.startsWith('/internal/revocations')) return json(response, 200, nothingRevoked);
    backendSees.arrived();
    void backendSees.hold.then(() => answerHealth(request, response));
  });
  const url = `http://127.0.0.1:${backend.port}`;
  settings = await settingsBefore(url);
});

afterAll(async () => {
  await backend[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

async function fleetOf(
  processes: number,
): Promise<Fleet & AsyncDisposable & { event: (part: string) => Promise<string> }> {
  const told: string[] = [];
  const listeners = new Set<() => void>();
  const fleet = await startFleet({
    host: '127.0.0.1',
    port: 0,
    processes,
    settings,
    root,
    onLine: () => undefined,
    onEvent: (sentence) => {
      told.push(sentence);
      for (const listener of listeners) listener();
    },
  });
  const event = async (part: string): Promise<string> =>
    await new Promise((resolve) => {
      const look = (): void => {
        const index = told.findIndex((sentence) => sentence.includes(part));
        const [found] = index < 0 ? [] : told.splice(index, 1);
        if (found === undefined) return;
        listeners.delete(look);
        resolve(found);
      };
      listeners.add(look);
      look();
    });
  return { ...fleet, event, [Symbol.asyncDispose]: () => fleet.stop(1_000) };
}

/**
 * Keeps so many connections busy until told to stop; gives how many requests went well and how many did not. After a
 * failure a connection waits before it comes back.
 */
function busy(
  url: string,
  connections: number,
  waits: () => Promise<unknown> = async () => undefined,
): { good: () => number; stop: () => Promise<{ good: number; failed: number }> } {
  const pool = new Pool(url, { connections });
  const count = { good: 0, failed: 0 };
  const stop = new AbortController();
  const worker = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        const { statusCode, body } = await pool.request({ path: '/version', method: 'GET' });
        await body.dump();
        if (statusCode === 200) count.good += 1;
        else count.failed += 1;
      } catch {
        count.failed += 1;
        await waits();
      }
    }
  };
  const workers = Promise.all(Array.from({ length: connections }, worker));
  return {
    good: () => count.good,
    stop: async () => {
      stop.abort();
      await workers;
      await pool.close();
      return count;
    },
  };
}

describe('two processes on one port', () => {
  it('lose only what was in flight in the one that is killed, which is replaced, so that the other can go too', async () => {
    await using fleet = await fleetOf(2);
    const before = fleet.pids();
    expect(before).toHaveLength(2);
    const connections = 16;
    // A process that is killed closes connections while others can still come to it: whoever is back within a
    // millisecond would be cut off twice by one death.
    let death: Promise<unknown> = Promise.resolve();
    const load = busy(fleet.url, connections, () => death);
    for (const pid of before) {
      death = fleet.event('SIGKILL');
      process.kill(pid, 'SIGKILL');
      await death;
      await fleet.event('is back');
    }
    await expect.poll(load.good, { timeout: 10_000 }).toBeGreaterThan(10 * connections);
    const { failed } = await load.stop();
    expect(failed).toBeLessThanOrEqual(2 * connections);
    // Only the replacements are left, so these serve.
    const after = fleet.pids();
    expect(after).toHaveLength(2);
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
    expect((await fetch(`${fleet.url}/version`)).status).toBe(200);
  });

  it.runIf(process.platform === 'linux')('both get connections', async () => {
    await using fleet = await fleetOf(2);
    const openSockets = (): Promise<number[]> => Promise.all(fleet.pids().map(socketsOf));
    const idle = await openSockets();
    const load = busy(fleet.url, 32);
    await expect.poll(async () => sum(await openSockets()) - sum(idle)).toBeGreaterThanOrEqual(32);
    const atWork = await openSockets();
    expect(atWork.map((sockets, index) => sockets - (idle[index] ?? 0)).every((opened) => opened >= 4)).toBe(true);
    expect((await load.stop()).failed).toBe(0);
  });

  it('count the minute of a limited key together, also when the limiter is killed half-way', async () => {
    await using fleet = await fleetOf(2);
    const { key } = await createApiKey('dev');
    // A connection each, so that both processes get some.
    const ask = async (): Promise<number> => {
      const pool = new Pool(fleet.url);
      const { statusCode, body } = await pool.request({
        path: '/v1/models',
        method: 'GET',
        headers: { 'x-api-key': key },
      });
      await body.dump();
      await pool.close();
      return statusCode;
    };
    const statuses: number[] = [];
    for (let request = 0; request < rpm / 2; request++) statuses.push(await ask());
    expect(statuses).toEqual(Array(rpm / 2).fill(200));
    process.kill(fleet.groups()[0] ?? NaN, 'SIGKILL');
    await fleet.event('The limiter is back');
    for (let request = 0; request < 2 * rpm; request++) statuses.push(await ask());
    const admitted = statuses.filter((status) => status === 200).length;
    expect(admitted).toBeLessThanOrEqual(rpm);
    expect(admitted).toBeGreaterThan(rpm / 2);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
  });

  it('get another limiter, and replacements of their own, when their folder was tidied away', async () => {
    await using fleet = await fleetOf(2);
    await rm(fleet.directory, { recursive: true });
    await fleet.event('The limiter is back');
    const [pid = NaN] = fleet.pids();
    process.kill(pid, 'SIGKILL');
    await fleet.event('is back');
    const { key } = await createApiKey('dev');
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => fetch(`${fleet.url}/v1/models`, { headers: { 'x-api-key': key } })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it('finish the request in flight when they are told to stop, and then are gone', async () => {
    await using fleet = await fleetOf(2);
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    Object.assign(backendSees, { arrived: arrive, hold: released });
    const answer = fetch(`${fleet.url}/docs`);
    await arrived;
    const pids = fleet.pids();
    const stopped = fleet.stop(10_000);
    release();
    expect((await answer).status).toBe(200);
    await stopped;
    Object.assign(backendSees, { arrived: () => undefined, hold: Promise.resolve() });
    expect(pids.filter(isAlive)).toEqual([]);
    await expect(fetch(`${fleet.url}/version`)).rejects.toThrow('fetch failed');
  });
});

async function socketsOf(pid: number): Promise<number> {
  const descriptors = await readdir(`/proc/${pid}/fd`);
  const targets = await Promise.all(
    descriptors.map((descriptor) => readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')),
  );
  return targets.filter((target) => target.startsWith('socket:')).length;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
