import { request } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { run, start, type Command, type Running } from '../../ops/run.ts';
import { createTestIdentity, testUser, type TestIdentity } from '../support/assertions.ts';
import { createTestDatabase, queryRows, type TestDatabase } from '../support/postgres.ts';

let identity: TestIdentity;
let database: TestDatabase;
const running: Running[] = [];
beforeAll(async () => {
  identity = await createTestIdentity();
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const child of running.splice(0)) await child.stop('SIGKILL');
});
afterAll(async () => {
  await database.drop();
});

describe('the chat process', () => {
  it('starts without its database, says that it is not ready, and serves what needs none', async () => {
    const { get } = await chat();
    expect((await get('/ready')).status).toBe(503);
    const health = await get('/health');
    expect(health.status).toBe(503);
    expect(await health.json()).toMatchObject({
      service: 'chat',
      status: 'unhealthy',
      database: { status: 'unavailable' },
      nats: { status: 'disabled' },
      providers: { local: { status: 'unknown' } },
    });
    expect((await get('/v1/models')).status).toBe(200);
  });

  it('lets a stream finish on SIGTERM, then exits with 0', async () => {
    const { child, port } = await chat({ DATABASE_URL: database.url });
    const body = JSON.stringify({
      model: 'local/echo:chunks=20,chunk_ms=10',
      stream: true,
      messages: [{ role: 'user', content: 'hi' }],
    });
    const headers = { ...(await identity.headers(testUser, 'chat')), 'content-type': 'application/json' };
    const call = request({ port, path: '/v1/chat/completions', method: 'POST', headers }).end(body);
    const response = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
      call.once('response', resolve).once('error', reject);
    });
    await once(response, 'readable');
    const stopped = child.stop('SIGTERM');
    expect(await text(response)).toMatch(/data: \[DONE\]\n\n$/);
    await stopped;
    expect(await child.exited).toEqual({ code: 0, signal: null });
    const events = await queryRows(database.url, 'select operation, provider, status, output_tokens from usage_events');
    expect(events).toEqual([{ operation: 'chat-completions', provider: 'local', status: 0, output_tokens: 20 }]);
  });

  it.each([
    ['DATABASE_URL', { DATABASE_URL: 'mysql://u:hush-hush@h/d' }],
    ['CHAT_PROVIDERS', { CHAT_PROVIDERS: '{"key":"hush-hush"}' }],
    ['LOCAL_PROVIDER', { ENVIRONMENT: 'production' }],
  ])('does not start with a bad %s, and names it without its value', async (variable, env) => {
    const { code, stdout, stderr } = await run(command(env));
    expect(code).toBe(1);
    expect(stdout).toContain(variable);
    expect(stdout + stderr).not.toContain('hush-hush');
  });
});

/** On a free port of its own choosing, which its first log line tells. */
function command(env: Record<string, string> = {}): Command {
  return {
    argv: [process.execPath, 'backends/chat/src/main.ts'],
    env: {
      ENVIRONMENT: 'local',
      HOST: '127.0.0.1',
      PORT: '0',
      DATABASE_URL: 'postgres://user:password@127.0.0.1:1/none',
      NATS_URL: 'disabled',
      LOCAL_PROVIDER: 'enabled',
      GATEWAY_PUBLIC_KEYS: JSON.stringify(identity.publicKeys),
      ...env,
    },
  };
}

async function chat(env: Record<string, string> = {}) {
  const child = await start(command(env));
  running.push(child);
  const port = await new Promise<number>((resolve) => {
    child.onLine((line) => {
      const listening = /"port":(\d+)/.exec(line);
      if (listening) resolve(Number(listening[1]));
    });
  });
  const headers = await identity.headers(testUser, 'chat');
  const get = async (path: string): Promise<Response> => await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  return { child, port, get };
}
