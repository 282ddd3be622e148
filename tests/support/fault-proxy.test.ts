import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { listen } from './listen.ts';

/** An upstream that sends this on `go`, ten chunks on `count`, closing after either, and else what it got. */
const answer = Buffer.from('0123456789'.repeat(10));

let upstream: Server;
let upstreamSockets: Set<Socket>;
let proxy: FaultProxy;

beforeEach(async () => {
  upstreamSockets = new Set();
  upstream = createServer((socket) => {
    upstreamSockets.add(socket);
    socket.on('close', () => upstreamSockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => void behave(socket, chunk));
  });
  proxy = await createFaultProxy({ targetPort: await listen(upstream) });
});

afterEach(async () => {
  await proxy.close();
  for (const socket of upstreamSockets) socket.destroy();
  upstream.close();
});

async function behave(socket: Socket, chunk: Buffer): Promise<void> {
  const command = chunk.toString();
  if (command === 'go') return void socket.end(answer);
  if (command !== 'count') return void socket.write(chunk);
  for (let i = 0; i < 10; i += 1) {
    socket.write(String(i));
    await pause(2);
  }
  socket.end();
}

type Received = { bytes: string; chunks: number; ms: number; firstByteMs: number; error: string | null };

async function open(): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

async function receive(socket: Socket): Promise<Received> {
  const startedAt = performance.now();
  const chunks: Buffer[] = [];
  let error: string | null = null;
  let firstByteMs = Infinity;
  socket.on('data', (chunk) => {
    firstByteMs = Math.min(firstByteMs, performance.now() - startedAt);
    chunks.push(chunk);
  });
  socket.on('error', (thrown) => {
    error = 'code' in thrown ? String(thrown.code) : thrown.message;
  });
  await new Promise((resolve) => {
    socket.once('close', resolve);
  });
  const bytes = Buffer.concat(chunks).toString();
  return { bytes, chunks: chunks.length, ms: performance.now() - startedAt, firstByteMs, error };
}

async function ask(): Promise<Received> {
  const socket = await open();
  socket.write('go');
  return await receive(socket);
}

test('without a fault every byte passes, both ways and in large amounts', async () => {
  expect(await ask()).toMatchObject({ bytes: answer.toString(), error: null });
  const socket = await open();
  const large = 'x'.repeat(3_000_000);
  let echoed = 0;
  const whole = new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      echoed += chunk.length;
      if (echoed === large.length) resolve();
    });
  });
  socket.write(large);
  await whole;
  socket.destroy();
});

test('latency delays the first byte, and chunks in flight together only once', async () => {
  await proxy.set({ latencyMs: 60 });
  const { firstByteMs, bytes } = await ask();
  expect(firstByteMs).toBeGreaterThanOrEqual(59);
  expect(bytes).toBe(answer.toString());

  const socket = await open();
  socket.write('count');
  const counted = await receive(socket);
  expect(counted.bytes).toBe('0123456789');
  expect(counted.chunks).toBeGreaterThan(1);
  expect(counted.ms).toBeLessThan(300);
});

test('bandwidth stretches the transfer', async () => {
  await proxy.set({ bytesPerSecond: 1_000 });
  const { ms, bytes } = await ask();
  expect(ms).toBeGreaterThanOrEqual(95);
  expect(bytes).toBe(answer.toString());
});

test('slow close delivers the bytes at once and the end late', async () => {
  await proxy.set({ slowCloseMs: 80 });
  const { ms, firstByteMs, bytes } = await ask();
  expect(ms - firstByteMs).toBeGreaterThanOrEqual(75);
  expect(bytes).toBe(answer.toString());
});

test('the slicer delivers the same bytes in small pieces', async () => {
  await proxy.set({ slice: { bytes: 10, delayMs: 3 } });
  const { chunks, bytes } = await ask();
  expect(chunks).toBe(10);
  expect(bytes).toBe(answer.toString());
});

test('cut ends the connection after exactly so many bytes', async () => {
  await proxy.set({ cutAfterBytes: 37 });
  expect(await ask()).toMatchObject({ bytes: answer.toString().slice(0, 37), error: null });
  await proxy.set({ slice: { bytes: 10, delayMs: 0 }, cutAfterBytes: 37 });
  expect(await ask()).toMatchObject({ bytes: answer.toString().slice(0, 37), error: null });
});

test('timeout accepts and lets nothing through until it is healed', async () => {
  await proxy.set({ state: 'timeout' });
  const socket = await open();
  socket.write('go');
  const received = receive(socket);
  const winner = await Promise.race([received.then(() => 'answer'), pause(80).then(() => 'silence')]);
  expect(winner).toBe('silence');
  expect(proxy.connections()).toBe(1);
  await proxy.set({});
  expect((await received).bytes).toBe(answer.toString());
});

test('timeout silences a connection that is already open', async () => {
  const socket = await open();
  socket.write('one');
  expect(String((await once(socket, 'data'))[0])).toBe('one');
  await proxy.set({ state: 'timeout' });
  socket.write('two');
  const winner = await Promise.race([once(socket, 'data').then(() => 'answer'), pause(50).then(() => 'silence')]);
  expect(winner).toBe('silence');
  socket.destroy();
});

test('reset ends open and new connections with RST', async () => {
  const socket = await open();
  const received = receive(socket);
  await proxy.set({ state: 'reset' });
  expect((await received).error).toBe('ECONNRESET');
  const late = connect(proxy.port, '127.0.0.1');
  expect((await receive(late)).error).toBe('ECONNRESET');
});

test('down refuses new connections, ends the open ones, and comes back on the same port', async () => {
  const socket = await open();
  const received = receive(socket);
  await proxy.set({ state: 'down' });
  expect((await received).error).toBe('ECONNRESET');
  expect((await receive(connect(proxy.port, '127.0.0.1'))).error).toBe('ECONNREFUSED');
  expect(proxy.connections()).toBe(0);
  await proxy.set({});
  expect((await ask()).bytes).toBe(answer.toString());
});

test('a client that leaves takes its upstream connection with it, during a timeout too', async () => {
  const socket = await open();
  socket.write('hello');
  await once(socket, 'data');
  const [server] = upstreamSockets;
  if (!server) throw new Error('the upstream was not reached');
  const gone = once(server, 'close');
  await proxy.set({ state: 'timeout' });
  socket.write('into the silence', () => socket.resetAndDestroy());
  await gone;
  expect(upstreamSockets.size).toBe(0);
});

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
