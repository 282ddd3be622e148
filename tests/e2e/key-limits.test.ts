import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ResolvedKey } from '#shared/identity/resolved-key.ts';
import type { RevocationFeed } from '#shared/identity/revocation-feed.ts';
import { startFleet, type Fleet } from '../../ops/gateway/fleet.ts';
import { gatewayCapnp } from '../../ops/local/workerd.ts';
import { copyGatewayBundle } from '../support/gateway-bundle.ts';
import { answerHealth, json, knownKey, startHttp } from '../support/edge-backends.ts';
import { settingsBefore } from '../support/gateway-settings.ts';

const rpm = 40;
const limited: ResolvedKey = {
  principal: { kind: 'user', userId: 'user-1', keyId: 'key-1', scopes: ['chat:write'], limits: { rpm } },
  restrictions: { allowedOrigins: null, allowedIps: null },
  expiresAt: null,
};
const nothingRevoked: RevocationFeed = { position: 0, reset: true, completeSince: 0, ageMs: 0, revocations: [] };

const cleanUp = new AsyncDisposableStack();
let fleet: Fleet;

beforeAll(async () => {
  const root = await mkdtemp(join(tmpdir(), 'gaia-limits-'));
  cleanUp.defer(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'edge-gateway'));
  for (const name of ['workerd.capnp', 'workerd-limiter.capnp']) {
    await cp(join(gatewayCapnp, '..', name), join(root, 'edge-gateway', name));
  }
  await mkdir(join(root, 'dist/gateway'), { recursive: true });
  await copyGatewayBundle(join(root, 'dist/gateway'));
  const backend = cleanUp.use(
    await startHttp((request, response) => {
      if (request.url === '/internal/keys/resolve') return json(response, 200, limited);
      if (request.url?.startsWith('/internal/revocations')) return json(response, 200, nothingRevoked);
      return answerHealth(request, response);
    }),
  );
  const url = `http://127.0.0.1:${backend.port}`;
  const settings = await settingsBefore(url);
  fleet = await startFleet({
    host: '127.0.0.1',
    port: 0,
    processes: 3,
    settings,
    root,
    onLine: () => undefined,
    onEvent: () => undefined,
  });
  cleanUp.defer(() => fleet.stop(1_000));
});
afterAll(() => cleanUp.disposeAsync());

describe('the limit of a key over several processes', () => {
  it('is one limit, exact at twenty times as many requests', async () => {
    const statuses = await Promise.all(
      Array.from({ length: rpm * 20 }, async () => {
        // A connection each, so that the kernel spreads them over the processes.
        const headers = { 'x-api-key': knownKey, connection: 'close' };
        const answer = await fetch(`${fleet.url}/v1/models`, { headers });
        await answer.body?.cancel();
        return answer.status;
      }),
    );
    const admitted = statuses.filter((status) => status === 200).length;
    expect(admitted).toBeLessThanOrEqual(rpm);
    // What an idle process still holds of its last lease is the only thing that may be missing.
    expect(admitted).toBeGreaterThan(rpm * 0.75);
    expect(statuses.filter((status) => status !== 200 && status !== 429)).toEqual([]);
  });
});
