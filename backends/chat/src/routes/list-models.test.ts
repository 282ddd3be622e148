import { describe, expect, it } from 'vitest';
import { Model, ModelList } from '#shared/contracts/chat.ts';
import { asAnonymous, asUser, createTestChat } from '../testing/chat-app.ts';

const { app } = createTestChat();
const headers = asUser('chat:read');
const echo = { id: 'local/echo', object: 'model', created: 0, owned_by: 'local' };

describe('GET /v1/models', () => {
  it('lists the models in OpenAI’s shape', async () => {
    const response = await app.request('/v1/models', { headers });
    expect(ModelList.strict().parse(await response.json())).toEqual({ object: 'list', data: [echo] });
  });

  it('is not for those who may not read', async () => {
    expect((await app.request('/v1/models', { headers: asAnonymous })).status).toBe(403);
  });
});

describe('GET /v1/models/{id}', () => {
  it.each(['local/echo', 'local%2Fecho'])('finds %s, whose id has a slash', async (id) => {
    const response = await app.request(`/v1/models/${id}`, { headers });
    expect(Model.strict().parse(await response.json())).toEqual(echo);
  });

  it.each(['unknown', 'local/unknown', '..%2f..%2fetc', '%ff'])('does not find %s', async (id) => {
    expect((await app.request(`/v1/models/${id}`, { headers })).status).toBe(404);
  });

  it('takes no other method, and says which', async () => {
    const response = await app.request('/v1/models/local/echo', { method: 'DELETE', headers });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
  });
});
