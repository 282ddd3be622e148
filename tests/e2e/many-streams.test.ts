import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { Agent, request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { unlimited } from '../support/chat-stack.ts';
import { createFakeOpenAi } from '../support/fake-openai.ts';
import { memoryOf, memoryProbe, type Memory } from '../support/memory-of.ts';
import { queryRows } from '../support/postgres.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { createGate } from '../support/vendor-script.ts';
import type { FakeVendor } from '../support/vendor-server.ts';

const streams = 500;
/** `STREAM_ROUNDS=10 npm test -- tests/e2e/many-streams` takes half a minute. */
const rounds = Number(process.env['STREAM_ROUNDS'] ?? 4);
const kibibyte = 1_024;

let vendor: FakeVendor;
let stack: TestStack;
let asked = 0;
let directory: string;
let socket: string;
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gaia-memory-'));
  socket = join(directory, 'socket');
  vendor = await createFakeOpenAi();
  stack = await startTestStack({
    extraEnv: {
      chat: {
        OPENAI_API_KEY: vendor.apiKey,
        OPENAI_BASE_URL: `${vendor.url}/v1`,
        LOG_LEVEL: 'error',
        ...memoryProbe(socket),
      },
      gateway: unlimited,
    },
  });
});
afterAll(async () => {
  agent.destroy();
  await stack.stop();
  await vendor.close();
  await rm(directory, { recursive: true, force: true });
});

describe('eight chats at once', () => {
  it('over a vendor that takes 1.2 s end together, not one after another', async () => {
    await complete();
    vendor.always({ before: new Promise((resolve) => setTimeout(resolve, 1_200)) });
    const startedAt = performance.now();
    const answers = await Promise.all(Array.from({ length: 8 }, async () => await complete()));
    expect(performance.now() - startedAt).toBeLessThan(1_400);
    expect(answers).toEqual(Array.from({ length: 8 }, () => 200));
  });
});

describe(`${streams} streams at once`, () => {
  it(
    'are all complete and exact, cost at most 64 KiB each while open, and leave nothing behind',
    { timeout: 180_000 },
    async () => {
      await cycle(50);
      for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 50 }, async () => await complete()));
      const baseline = await memoryOf(socket);
      const first = await cycle(streams);
      expect((first.live - baseline.live) / streams).toBeLessThanOrEqual(64 * kibibyte);
      expect((first.resident - baseline.resident) / streams).toBeLessThanOrEqual(64 * kibibyte);
      await cycle(streams);
      const second = await atRest();
      for (let round = 2; round < rounds; round++) await cycle(streams);
      const last = await atRest();
      expect(last.live).toBeLessThan(second.live * 1.1);
      expect(last.resident).toBeLessThan(second.resident * 1.2);
      expect(last.files).toBeLessThanOrEqual(second.files + 20);
    },
  );
});

/** Opens that many streams, holds them all open half-way, lets them go on, and checks every byte. */
async function cycle(count: number): Promise<Memory> {
  const gate = createGate();
  vendor.always({
    text: ['one', ' two', ' three', ' four', ' ü–𝄞'],
    beforeEvent: (index) => (index > 2 ? gate.opened : undefined),
  });
  const responses = await Promise.all(Array.from({ length: count }, async () => await openStream()));
  const whileOpen = await memoryOf(socket);
  gate.open();
  const bodies = await Promise.all(responses.map(async (response) => await text(response)));
  vendor.requests.length = 0;
  for (const body of bodies) {
    expect(body.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(body.match(/"content":"[^"]+"/g)).toEqual(
      ['one', ' two', ' three', ' four', ' ü–𝄞'].map((piece) => `"content":"${piece}"`),
    );
  }
  return whileOpen;
}

/** Resolves at the first bytes of the answer. */
async function openStream(): Promise<IncomingMessage> {
  const response = await post({ stream: true });
  expect(response.statusCode).toBe(200);
  return response;
}

async function complete(): Promise<number> {
  const response = await post({});
  await text(response);
  return response.statusCode ?? 0;
}

async function post(fields: object): Promise<IncomingMessage> {
  asked += 1;
  const body = JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'hi' }], ...fields });
  return await new Promise((resolve, reject) => {
    const headers = { 'x-api-key': stack.key, 'content-type': 'application/json', 'content-length': body.length };
    request(`${stack.gatewayUrl}/v1/chat/completions`, { method: 'POST', headers, agent })
      .on('response', resolve)
      .on('error', reject)
      .end(body);
  });
}

/** Once every call is on record, the least of some readings: what ends just after an answer is nothing that stays. */
async function atRest(): Promise<Memory & { files: number }> {
  const files = await openFiles(stack.pidOf('chat'));
  await vi.waitUntil(async () => (await recorded()) === asked, { timeout: 20_000 });
  const readings: Memory[] = [];
  while (readings.length < 10) readings.push(await memoryOf(socket));
  return {
    live: Math.min(...readings.map(({ live }) => live)),
    resident: Math.min(...readings.map(({ resident }) => resident)),
    files,
  };
}

async function recorded(): Promise<number> {
  const [row] = await queryRows(stack.databaseUrl, 'select count(*) from usage_events');
  return z.object({ count: z.coerce.number() }).parse(row).count;
}

async function openFiles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}
