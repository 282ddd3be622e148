import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { listen } from '../../../../tests/support/listen.ts';
import {
  speaking,
  startUnderTest,
  visibleIn,
  type Spoken,
  type UnderTest,
  type UnderTestOptions,
} from '../../../../tests/support/providers-under-test.ts';

const open: UnderTest[] = [];
const servers: Server[] = [];
afterEach(async () => {
  for (const test of open.splice(0)) await test.close();
  for (const server of servers.splice(0)) server.close();
});

const secret = 'acme+key+0123456789';

async function start(spoken: Spoken, options?: UnderTestOptions): Promise<UnderTest> {
  const test = await startUnderTest(spoken, options);
  open.push(test);
  return test;
}

/** What comes of a call, whole and streamed, and of a check. */
async function errorsOf({ provider, call }: UnderTest): Promise<unknown[]> {
  const caught = (error: unknown): unknown => error;
  return await Promise.all([
    provider.complete(call()).catch(caught),
    provider.stream(call({ stream: true })).catch(caught),
    provider.check?.(new AbortController().signal).catch(caught),
  ]);
}

async function unusedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

/** Does this with everyone who connects. */
async function portThat(answers: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    answers(socket);
  });
  servers.push(server);
  return await listen(server);
}

describe.each(speaking)('$name: a vendor that cannot be reached', (spoken) => {
  it('because it refuses the connection is unavailable, and nothing can have happened there', async () => {
    const port = await unusedPort();
    for (const error of await errorsOf(await start(spoken, { address: () => `http://127.0.0.1:${port}` }))) {
      expect(error).toMatchObject({ name: 'AppError', code: 'unavailable' });
      expect(error).not.toHaveProperty('options.sideEffectPossible');
    }
  });

  it('because its name does not resolve is unavailable', async () => {
    for (const error of await errorsOf(await start(spoken, { address: () => 'http://vendor.invalid' })))
      expect(error).toMatchObject({ name: 'AppError', code: 'unavailable' });
  });

  it('because it speaks no TLS is unavailable, and never gets to see the key', async () => {
    const seen: Buffer[] = [];
    const port = await portThat((socket) => {
      socket.on('data', (bytes) => seen.push(bytes));
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    const test = await start(spoken, { address: () => `https://127.0.0.1:${port}`, apiKey: secret });
    for (const error of await errorsOf(test)) {
      expect(error).toMatchObject({ name: 'AppError', code: 'unavailable' });
      expect(error).not.toHaveProperty('options.sideEffectPossible');
    }
    expect(Buffer.concat(seen).length).toBeGreaterThan(0);
    expect(Buffer.concat(seen).toString('latin1')).not.toContain(secret);
  });
});

describe.each(speaking)('$name: a vendor that does not behave', (spoken) => {
  it('and hangs up without an answer has failed, and may have worked for it', async () => {
    const port = await portThat((socket) => void socket.once('data', () => socket.resetAndDestroy()));
    for (const error of await errorsOf(await start(spoken, { address: () => `http://127.0.0.1:${port}` })))
      expect(error).toMatchObject({ code: 'upstream_failed', options: { sideEffectPossible: true } });
  });

  it('and does not speak HTTP has failed', async () => {
    const port = await portThat((socket) => void socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.9\r\n')));
    const test = await start(spoken, { address: () => `http://127.0.0.1:${port}`, apiKey: secret });
    for (const error of await errorsOf(test)) {
      expect(error).toMatchObject({ code: 'upstream_failed' });
      expect(visibleIn(error)).not.toContain(secret);
    }
  });
});

describe.each(speaking)('$name: a check', (spoken) => {
  const check = async ({ provider }: UnderTest, signal = new AbortController().signal): Promise<unknown> =>
    await provider.check?.(signal).then(
      () => 'well',
      (error: unknown) => error,
    );

  it('is well where the vendor lists its models to our key, and asks nothing else', async () => {
    const test = await start(spoken);
    expect(await check(test)).toBe('well');
    expect(test.vendor.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /v1/models']);
    expect(test.vendor.requests[0]?.bytes).toHaveLength(0);
  });

  it('is not well with a bad key, an overload or a page of HTML, and shows no key', async () => {
    const bad = await start(spoken, { apiKey: secret });
    const error = await check(bad);
    expect(error).toMatchObject({ code: 'upstream_failed' });
    expect(visibleIn(error)).not.toContain(secret);
    const test = await start(spoken);
    test.vendor.next({ status: 529 }, { body: '<html>', headers: { 'content-type': 'text/html' } });
    expect(await check(test)).toMatchObject({ code: 'unavailable' });
    expect(await check(test)).toMatchObject({ code: 'upstream_failed' });
  });

  it('ends when whoever asked gives up', async () => {
    const test = await start(spoken);
    test.vendor.next({ hang: true });
    const controller = new AbortController();
    const checking = check(test, controller.signal);
    const { aborted } = await test.vendor.received(1);
    controller.abort();
    expect(await checking).toMatchObject({ code: 'request_timeout' });
    await aborted;
  });
});
