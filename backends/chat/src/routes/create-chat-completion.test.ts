import { describe, expect, it } from 'vitest';
import { ChatCompletion } from '#shared/contracts/chat.ts';
import { ProblemSchema } from '#shared/contracts/problem-schema.ts';
import { asAnonymous, asUser, createTestChat } from '../testing/chat-app.ts';

const { app, health } = createTestChat();
const limit = 32 * 1024 * 1024;
const headers = { ...asUser('chat:write'), 'content-type': 'application/json' };

async function post(body: string | Buffer | ReadableStream, extra: Record<string, string> = {}): Promise<Response> {
  return await app.request('/v1/chat/completions', { method: 'POST', headers: { ...headers, ...extra }, body });
}

const valid = { model: 'local/echo', messages: [{ role: 'user', content: 'hi' }] };
const withFields = (fields: Record<string, unknown>): string => JSON.stringify({ ...valid, ...fields });
const utf16 = Buffer.from(JSON.stringify(valid), 'utf16le');
const nested = `{"model":"local/echo","messages":[{"role":"user","content":"x"}],"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;

describe('a body that is not good JSON is malformed_json', () => {
  it.each([
    ['malformed', '{"model":}'],
    ['empty', ''],
    ['truncated', JSON.stringify(valid).slice(0, -3)],
    ['UTF-16', utf16],
    ['UTF-16 with its mark', Buffer.concat([Buffer.from([0xff, 0xfe]), utf16])],
    ['with a byte order mark', `\ufeff${JSON.stringify(valid)}`],
    ['invalid UTF-8', Buffer.concat([Buffer.from('{"model":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')])],
    ['with a NUL', withFields({ user: 'a\0b' })],
    ['with a lone surrogate', JSON.stringify(valid).replace('hi', String.raw`\ud800`)],
    ['100,000 levels deep', nested],
    ['with __proto__', JSON.stringify(valid).replace('{', '{"__proto__":{"stream":true},')],
    ['with a key twice', JSON.stringify(valid).replace('{', '{"model":"local/echo",')],
    ['with 1e999', JSON.stringify(valid).replace('{', '{"seed":1e999,')],
  ])('%s', async (_name, body) => {
    expect(await problemOf(await post(body))).toMatchObject({ status: 400, code: 'malformed_json' });
  });
});

describe('a body that breaks the schema names the field', () => {
  it.each([
    ['null', 'null', 'body'],
    ['an array', '[]', 'body'],
    ['a scalar', '"hi"', 'body'],
    ['no model', JSON.stringify({ messages: valid.messages }), 'model'],
    ['a model with ../', withFields({ model: 'local/../../etc/passwd' }), 'model'],
    ['a model with a line break', withFields({ model: 'local/echo\nx: y' }), 'model'],
    ['a model of 201 characters', withFields({ model: 'm'.repeat(201) }), 'model'],
    ['unknown options of the stand-in', withFields({ model: 'local/echo:fault=fire' }), 'model'],
    ['no messages', JSON.stringify({ model: 'local/echo' }), 'messages'],
    ['empty messages', withFields({ messages: [] }), 'messages'],
    ['10,001 messages', withFields({ messages: Array(10_001).fill(valid.messages[0]) }), 'messages'],
    ['an unknown role', withFields({ messages: [{ role: 'root', content: 'x' }] }), 'messages.0.role'],
    ['content that is a number', withFields({ messages: [{ role: 'user', content: 7 }] }), 'messages.0.content'],
    ['max_tokens of -1', withFields({ max_tokens: -1 }), 'max_tokens'],
    ['max_tokens of 1e9', withFields({ max_tokens: 1e9 }), 'max_tokens'],
    ['max_tokens of 1.5', withFields({ max_tokens: 1.5 }), 'max_tokens'],
    ['max_completion_tokens of 0', withFields({ max_completion_tokens: 0 }), 'max_completion_tokens'],
    ['a temperature of 2.1', withFields({ temperature: 2.1 }), 'temperature'],
    ['a top_p of 1.1', withFields({ top_p: 1.1 }), 'top_p'],
    ['n of 17', withFields({ n: 17 }), 'n'],
    ['stream as text', withFields({ stream: 'true' }), 'stream'],
    ['five stops', withFields({ stop: ['a', 'b', 'c', 'd', 'e'] }), 'stop'],
    ['5,000 tools', withFields({ tools: Array.from({ length: 5_000 }, () => ({ type: 'function' })) }), 'tools'],
  ])('%s', async (_name, body, path) => {
    const problem = await problemOf(await post(body));
    expect(problem).toMatchObject({ status: 422, code: 'validation_failed' });
    expect(problem.errors?.map((error) => error.path)).toContain(path);
    expect(problem.error.param).toBe(problem.errors?.[0]?.path);
  });
});

describe('the size of a body', () => {
  const padded = (size: number): string => {
    const empty = withFields({ user: '', padding: '' });
    return empty.replace('"padding":""', `"padding":"${'x'.repeat(size - empty.length)}"`);
  };

  it('may be exactly the limit', async () => {
    expect((await post(padded(limit))).status).toBe(200);
  });

  it('is refused one byte over the limit when declared', async () => {
    expect(await problemOf(await post('{}', { 'content-length': String(limit + 1) }))).toMatchObject({
      status: 413,
      code: 'payload_too_large',
    });
  });

  it('is refused one byte over the limit when chunked', async () => {
    const body = ReadableStream.from([Buffer.from(padded(limit)), Buffer.from(' ')]);
    const request = new Request('http://chat/v1/chat/completions', { method: 'POST', headers, body, duplex: 'half' });
    expect(await problemOf(await app.request(request))).toMatchObject({ status: 413, code: 'payload_too_large' });
  });
});

describe('a content type other than JSON in UTF-8 is refused', () => {
  it.each(['text/plain', 'application/json; charset=utf-16', 'application/json, text/plain', 'multipart/form-data'])(
    '%s',
    async (type) => {
      const response = await post(JSON.stringify(valid), { 'content-type': type });
      expect(await problemOf(response)).toMatchObject({ status: 415, code: 'unsupported_media_type' });
    },
  );

  it('none at all', async () => {
    const body = Buffer.from(JSON.stringify(valid));
    const response = await app.request('/v1/chat/completions', { method: 'POST', headers: asUser('chat:write'), body });
    expect(await problemOf(response)).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });
});

describe('access', () => {
  it.each([
    ['nobody', asAnonymous],
    ['a reader', asUser('chat:read')],
  ])('refuses %s before the body is looked at', async (_name, credentials) => {
    const response = await post('{', credentials);
    expect(await problemOf(response)).toMatchObject({ status: 403, code: 'insufficient_scope' });
  });

  it('refuses a request without an assertion', async () => {
    const response = await app.request('/v1/chat/completions', { method: 'POST', body: '{' });
    expect(await problemOf(response)).toMatchObject({ status: 401, code: 'unauthenticated' });
  });
});

describe('a model that is not there is not_found and names the field', () => {
  it.each(['gpt-unknown', 'local/unknown', 'echo', 'nobody/echo'])('%s', async (model) => {
    const problem = await problemOf(await post(withFields({ model })));
    expect(problem).toMatchObject({ status: 404, code: 'not_found' });
    expect(problem.error.param).toBe('model');
  });
});

describe('a good request', () => {
  it('is answered in OpenAI’s shape with the headers of every answer', async () => {
    const response = await post(JSON.stringify(valid), { 'x-request-id': 'request-0001' });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-request-id')).toBe('request-0001');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const completion = ChatCompletion.parse(await response.json());
    expect(completion.choices[0]?.message.content).toBe('You said: hi');
    expect(completion.usage).toEqual({ prompt_tokens: 1, completion_tokens: 3, total_tokens: 4 });
  });

  it('may have fields we do not know, and null where OpenAI allows it', async () => {
    const response = await post(withFields({ invented: { deep: [1] }, temperature: null, stop: null, tools: null }));
    expect(response.status).toBe(200);
  });
});

describe('a stream in process', () => {
  it('ends in [DONE] and carries the headers of every answer', async () => {
    const response = await post(withFields({ stream: true }));
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('x-request-id')).toMatch(/^req_/);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.text()).toMatch(/data: \[DONE\]\n\n$/);
  });

  it('counts as cancelled, not as a failure, when the client stops reading', async () => {
    const before = health.of('local');
    const response = await post(withFields({ model: 'local/echo:chunks=10,fault=hang', stream: true }));
    await response.body?.cancel();
    await expect.poll(() => health.of('local').cancelled).toBe(before.cancelled + 1);
    expect(health.of('local').failures).toBe(before.failures);
  });
});

/** The problem, after checking that the answer around it says the same. */
async function problemOf(response: Response) {
  const problem = ProblemSchema.parse(await response.json());
  expect(problem.status).toBe(response.status);
  expect(problem.request_id).toBe(response.headers.get('x-request-id'));
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  return problem;
}
