import { connect } from 'node:net';
import OpenAI, { APIError, AuthenticationError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiKey } from '#shared/identity/api-key.ts';
import { ProblemSchema } from '#shared/contracts/problem-schema.ts';
import { allChecks } from '../../ops/checks/all.ts';
import { runChecks } from '../../ops/checks/check.ts';
import { startDevStack, type DevStack } from '../support/dev-stack.ts';

const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Hello, Gaia' }];

let stack: DevStack;
beforeAll(async () => {
  stack = await startDevStack();
});
afterAll(() => stack.stop());

const sdk = (apiKey = stack.key): OpenAI => new OpenAI({ baseURL: `${stack.gatewayUrl}/v1`, apiKey, maxRetries: 0 });

describe('the stock OpenAI SDK, with nothing changed but base URL and key', () => {
  it('gets a completion', async () => {
    const completion = await sdk().chat.completions.create({ model: 'local/echo', messages });
    expect(completion.choices[0]?.message.content).toContain('Hello, Gaia');
    expect(completion.usage?.total_tokens).toBeGreaterThan(0);
  });

  it('gets the same text token by token, the first long before the last', async () => {
    const model = 'local/echo:chunks=5,chunk_ms=100';
    const stream = await sdk().chat.completions.create({ model, messages, stream: true });
    const arrivals: number[] = [];
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) arrivals.push(performance.now());
    expect(arrivals).toHaveLength(5);
    expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(200);
  });

  it('throws for a stream that broke, and never takes it for a finished one', async () => {
    const stream = await sdk().chat.completions.create({
      model: 'local/echo:chunks=10,fault=cut',
      messages,
      stream: true,
    });
    const read = async (): Promise<void> => {
      for await (const chunk of stream) expect(chunk.object).toBe('chat.completion.chunk');
    };
    await expect(read()).rejects.toThrow(APIError);
  });

  it('lists and retrieves models, with the slash in their names', async () => {
    const models = await sdk().models.list();
    expect(models.data.map(({ id }) => id)).toContain('local/echo');
    expect((await sdk().models.retrieve('local/echo')).id).toBe('local/echo');
  });

  it('understands our errors', async () => {
    await expect(sdk('gaia_dev_wrong').models.list()).rejects.toThrow(AuthenticationError);
    const unknown = sdk().chat.completions.create({ model: 'nobody/nothing', messages });
    await expect(unknown).rejects.toMatchObject({ status: 404, code: 'not_found' });
    const invalid = sdk().chat.completions.create({ model: 'local/echo', messages, max_tokens: -1 });
    await expect(invalid).rejects.toMatchObject({ status: 422, param: 'max_tokens' });
  });
});

describe('the gateway in workerd', () => {
  it('passes every black-box check that operators run', async () => {
    const results = await runChecks(allChecks, { url: stack.gatewayUrl, apiKey: stack.key });
    expect(results.filter(({ passed }) => !passed)).toEqual([]);
  });

  it.each([
    ['an identity header', 'X-User-Id: admin'],
    ['one with underscores', 'X_User_Id: admin'],
    ['a forged assertion', 'X-Gaia-Assertion: forged'],
    ['one in another case', 'x-GAIA-assertion: forged'],
    ['a contract number', 'X-Gaia-Contract: 99'],
  ])('takes no notice of %s', async (_what, header) => {
    const answer = await raw(
      `GET /v1/models HTTP/1.1\r\nHost: a\r\nX-API-Key: ${stack.key}\r\n${header}\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    const anonymous = await raw(`GET /v1/models HTTP/1.1\r\nHost: a\r\n${header}\r\nConnection: close\r\n\r\n`);
    expect(anonymous).toMatch(/^HTTP\/1\.1 401 /);
  });

  it.each([
    ['two lengths', 'POST', 'Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}'],
    ['two keys', 'GET', 'X-API-Key: one\r\nX-API-Key: two\r\n\r\n'],
    ['two Authorizations', 'GET', 'Authorization: Bearer one\r\nAuthorization: Bearer two\r\n\r\n'],
    ['a header name with a space', 'GET', 'X-User-Id : admin\r\n\r\n'],
    ['a header of 17 kB', 'GET', `X-Large: ${'x'.repeat(17_000)}\r\n\r\n`],
  ])('refuses %s and answers once', async (_what, method, rest) => {
    const answer = await raw(`${method} /v1/chat/completions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${rest}`);
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  it('takes chunks for the truth beside a length, and nothing behind them for a request', async () => {
    const answer = await raw(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nX-API-Key: ${stack.key}\r\nContent-Type: application/json\r\n` +
        'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    // RFC 9112, 6.3: to read the chunks and close. The Worker is not told of the length (docs/decisions/0010).
    expect(answer).toMatch(/^HTTP\/1\.1 422 /);
    expect(answer).toMatch(/\r\nConnection: close\r\n/);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });
});

describe('a backend called past the gateway', () => {
  it.each(['auth', 'chat', 'asset'] as const)(
    '%s refuses everything but health, readiness and version',
    async (service) => {
      const url = stack.urls[service];
      for (const path of ['/v1/models', '/internal/keys/resolve', '/api/v1/assets/test', '/openapi.json', '/nothing']) {
        const answer = await fetch(`${url}${path}`, {
          headers: { 'x-api-key': stack.key, authorization: `Bearer ${stack.key}` },
        });
        expect([path, answer.status]).toEqual([path, 401]);
        expect(ProblemSchema.parse(await answer.json()).code).toBe('unauthenticated');
      }
      for (const path of ['/health', '/ready', '/version']) expect((await fetch(`${url}${path}`)).status).toBe(200);
    },
  );
});

describe('when a backend is killed', () => {
  it('says so, leaves the others alone, and recovers with it', async () => {
    await stack.kill('chat');
    const failed = await fetch(`${stack.gatewayUrl}/v1/models`, { headers: { 'x-api-key': stack.key } });
    expect(failed.status).toBe(502);
    expect(failed.headers.get('retry-after')).toBe('1');
    expect((await fetch(`${stack.gatewayUrl}/api/v1/assets/test`)).status).toBe(200);
    expect((await fetch(`${stack.gatewayUrl}/health`)).status).toBe(503);
    await stack.restart('chat');
    expect((await fetch(`${stack.gatewayUrl}/v1/models`, { headers: { 'x-api-key': stack.key } })).status).toBe(200);
  });

  it('serves who is known while auth is away, and calls nobody else bad', async () => {
    const stranger = await createApiKey('dev');
    await stack.kill('auth');
    const status = async (key: string): Promise<number> =>
      (await fetch(`${stack.gatewayUrl}/v1/models`, { headers: { 'x-api-key': key } })).status;
    expect(await status(stack.key)).toBe(200);
    expect(await status(stranger.key)).toBe(503);
    await stack.restart('auth');
    expect(await status(stranger.key)).toBe(401);
  });
});

/** Sends bytes as they are and gives all that came back until the connection closed. */
function raw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(stack.gatewayUrl);
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(request));
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.on('error', (error) => (text === '' ? reject(error) : resolve(text)));
    socket.on('close', () => resolve(text));
    socket.setTimeout(5_000, () => socket.destroy());
  });
}
