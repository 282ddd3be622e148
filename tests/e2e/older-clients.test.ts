import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { clearCheck } from '../../ops/checks/chat.ts';
import { runChecks } from '../../ops/checks/check.ts';
import { contentOf, eventsIn, jsonOf, systemPromptOf, typesOf } from '../support/gaia-chats.ts';
import { chunkedBody, rawRequest } from '../support/raw-http.ts';
import { claude, gpt, startVendorStack, type VendorStack } from '../support/vendor-stack.ts';

let vendors: VendorStack;
beforeAll(async () => {
  vendors = await startVendorStack();
});
afterAll(async () => await vendors.stop());

/** What Unity's serializer makes of a class with these fields: all of them, always. */
const unity = {
  message: '',
  messages: [],
  conversation_id: '',
  stream: false,
  provider: '',
  model: '',
  persona_id: '',
  activity: 'generic',
  priority: '',
  context_type: '',
  max_response_time_ms: 0,
  required_capabilities: [],
  auto_select_model: false,
  force_provider: false,
  enable_fallback: true,
};

async function request(method: string, path: string, body?: object): Promise<Response> {
  return await fetch(`${vendors.stack.gatewayUrl}${path}`, {
    method,
    headers: { 'x-api-key': vendors.stack.key, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
}

const call = async (method: string, path: string, body?: object) => await jsonOf(request(method, path, body));

/** The bytes of a stream as a client without any library reads them. */
async function stream(path: string, body: object): Promise<string> {
  const text = JSON.stringify(body);
  const port = Number(new URL(vendors.stack.gatewayUrl).port);
  const answer = await rawRequest(
    port,
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-API-Key: ${vendors.stack.key}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    15_000,
  );
  expect(answer.text).toMatch(/^HTTP\/1\.1 200 /);
  const { body: events, complete } = chunkedBody(answer.text);
  expect(complete).toBe(true);
  return Buffer.from(events, 'latin1').toString('utf8');
}

const Persona = z.object({ persona: z.object({ id: z.string(), name: z.string() }) });
const Messages = z.object({ messages: z.array(z.object({ role: z.string(), content: z.string() })) });
const Conversations = z.object({ conversations: z.array(z.object({ id: z.string() })) });

describe('a Unity client', () => {
  it('talks, streams, chooses who it talks to, and finds it all again', async () => {
    const first = await call('POST', '/api/v0.2/chat', { ...unity, message: 'hello', provider: 'openai', model: gpt });
    expect(first).toMatchObject({ response: 'Hello, world!', provider: 'openai', model: gpt, fallback_used: false });
    expect(first['usage']).toEqual({ input_tokens: 9, output_tokens: 4, total_tokens: 13 });
    const conversation_id = z.guid().parse(first['conversation_id']);

    const text = await stream('/api/v0.2/chat/stream', { ...unity, message: 'go on', model: claude, conversation_id });
    const events = eventsIn(text);
    expect(events[0]).toMatchObject({ type: 'start', conversation_id });
    expect(typesOf(events).filter((type) => type !== 'content')).toEqual([
      'start',
      'ready',
      'model_selection',
      'metadata',
      'complete',
      '[DONE]',
    ]);
    expect(contentOf(events)).toBe('Hello, world!');
    expect(systemPromptOf(vendors.lastBody(claude))).toContain('You are Mu');

    const made = await request('POST', '/api/v0.2/personas', {
      name: `Captain ${randomUUID()}`,
      system_prompt: 'You are a captain.',
    });
    const { persona } = Persona.parse(await jsonOf(made, 201));
    await call('POST', '/api/v0.2/personas/set', { persona_id: persona.id });
    expect(await call('GET', '/api/v0.2/personas/current')).toMatchObject({ success: true, persona });
    await call('POST', '/api/v0.2/chat', { ...unity, message: 'who are you?', model: claude, conversation_id });
    expect(systemPromptOf(vendors.lastBody(claude))).toContain('You are a captain.');
    expect(await call('DELETE', `/api/v0.2/personas/${persona.id}`)).toMatchObject({ success: true });
    expect(await call('GET', '/api/v0.2/personas/current')).toMatchObject({ persona: { name: 'Mu' } });

    const { conversations } = Conversations.parse(await call('GET', '/api/v1/conversations'));
    expect(conversations.map(({ id }) => id)).toContain(conversation_id);
    const kept = Messages.parse(await call('GET', `/api/v1/conversations/${conversation_id}/messages`));
    expect(kept.messages.filter(({ role }) => role === 'user').map(({ content }) => content)).toEqual([
      'who are you?',
      'go on',
      'hello',
    ]);
    expect(await call('GET', '/api/v0.2/chat/stream/status')).toMatchObject({
      user_messages: 3,
      assistant_messages: 3,
    });
    const target = { url: vendors.stack.gatewayUrl, apiKey: vendors.stack.key };
    expect(await runChecks([clearCheck], target)).toMatchObject([{ passed: true, detail: '6 messages deleted' }]);
    expect(await call('GET', '/api/v0.2/chat/status')).toMatchObject({ total_messages: 0 });
  });

  it('is told of a provider that fails and of the one that stands in', async () => {
    vendors.vendorOf(claude).next({ status: 500 });
    const events = eventsIn(await stream('/api/v0.2/chat/stream', { ...unity, message: 'hello', provider: 'claude' }));
    expect(typesOf(events)).toContain('fallback_attempt');
    expect(events).toContainEqual(expect.objectContaining({ type: 'error', fallback_available: true }));
    expect(events.at(-1)).toBe('[DONE]');
    expect(contentOf(events)).toBe('Hello, world!');
  });

  it('gets errors that name what is wrong, and never a 500', async () => {
    expect(await jsonOf(request('POST', '/api/v0.2/chat', unity), 422)).toMatchObject({
      errors: [{ path: 'message' }],
    });
    const unknown = { ...unity, message: 'x', model: 'nothing-like-it' };
    expect(await jsonOf(request('POST', '/api/v0.2/chat/stream', unknown), 404)).toMatchObject({ code: 'not_found' });
  });
});

describe('a web client of v0.3', () => {
  it('talks and streams in one conversation', async () => {
    const first = await call('POST', '/api/v0.3/chat', { message: 'hello' });
    expect(first).toEqual({ response: 'Hello, world!', conversation_id: first['conversation_id'] });
    const { conversation_id } = first;
    const events = eventsIn(await stream('/api/v0.3/chat', { message: 'on', conversation_id, stream: true }));
    expect(events[0]).toEqual({ conversation_id });
    expect(events.slice(-2)).toEqual([{ type: 'done' }, '[DONE]']);
    expect(contentOf(events)).toBe('Hello, world!');
    const kept = Messages.parse(await call('GET', `/api/v1/conversations/${String(conversation_id)}/messages`));
    expect(kept.messages).toHaveLength(4);
    expect(Conversations.parse(await call('GET', '/api/v0.3/conversations')).conversations.length).toBeGreaterThan(0);
  });
});
