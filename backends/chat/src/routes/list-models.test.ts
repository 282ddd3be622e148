import { describe, expect, it } from 'vitest';
import { Model, ModelList } from '#shared/contracts/chat.ts';
import { asAnonymous, asUser, createTestChat } from '../testing/chat-app.ts';
import { modelChat, standIn } from '../testing/stand-in-provider.ts';

const { app } = createTestChat();
const headers = asUser('chat:read');
const echo = {
  id: 'local/echo',
  object: 'model',
  created: 0,
  owned_by: 'local',
  shutdown_date: null,
  type: 'model',
  display_name: 'Echo',
  created_at: '1970-01-01T00:00:00Z',
  max_input_tokens: null,
  max_tokens: 10_000,
  ends_on: null,
  warnings: [],
};

function day(fromToday: number): string {
  return new Date(Date.now() + fromToday * 86_400_000).toISOString().slice(0, 10);
}

const mortal = modelChat({
  providers: [
    standIn('openai', [
      { id: 'gone', endsOn: day(-2) },
      { id: 'going', endsOn: day(30) },
      { id: 'staying', endsOn: day(200) },
    ]),
    standIn('anthropic', [{ id: 'claude' }], { aliases: ['claude'] }),
  ],
});

async function names(chat: Pick<typeof mortal, 'get'>): Promise<string[]> {
  return ModelList.parse(await chat.get('/v1/models')).data.map(({ id }) => id);
}

describe('GET /v1/models', () => {
  it('lists the models in OpenAI’s and Anthropic’s shape', async () => {
    const response = await app.request('/v1/models', { headers });
    const list = ModelList.strict().parse(await response.json());
    expect(list).toMatchObject({ object: 'list', has_more: false, first_id: 'local/echo', last_id: 'local/embed' });
    expect(list.data[0]).toEqual(echo);
  });

  it('is not for those who may not read', async () => {
    expect((await app.request('/v1/models', { headers: asAnonymous })).status).toBe(403);
  });

  it('hides what its vendor switched off, and warns of what ends soon', async () => {
    const { data } = ModelList.parse(await mortal.get('/v1/models'));
    expect(data.map(({ id, ends_on: endsOn, shutdown_date: date }) => [id, endsOn, date])).toEqual([
      ['going', day(30), day(30)],
      ['staying', day(200), day(200)],
      ['claude', null, null],
    ]);
    expect(data.map(({ warnings }) => warnings.length)).toEqual([1, 0, 0]);
    expect(data[0]?.warnings[0]).toContain(`off on ${day(30)}, in 30 days`);
  });

  it.each([
    [['going'], ['going']],
    [['openai/*'], ['going', 'staying']],
    [['anthropic/claude'], ['claude']],
    [['*'], ['going', 'staying', 'claude']],
    [['gone'], []],
    [[], []],
  ])('shows a key that is restricted to %j only %j', async (allowedModels, expected) => {
    expect(await names(mortal.as({ allowedModels }))).toEqual(expected);
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

  it('says of a model that was switched off that it was', async () => {
    const model = Model.parse(await mortal.get('/v1/models/gone'));
    expect(model.warnings[0]).toContain('switched this model off');
  });

  it('gives the same answer for a model that is not there and one that this key may not use', async () => {
    const restricted = mortal.as({ allowedModels: ['staying'] });
    const [forbidden, missing] = await Promise.all(
      ['going', 'never'].map(async (id) => await restricted.request(`/v1/models/${id}`)),
    );
    expect(forbidden?.status).toBe(404);
    const detail = async (response?: Response) => stable(await response?.json());
    expect((await detail(forbidden)).replaceAll('going', 'never')).toBe(await detail(missing));
    expect((await restricted.request('/v1/models/staying')).status).toBe(200);
    expect((await restricted.request('/v1/models/openai/staying')).status).toBe(200);
  });

  it('takes no other method, and says which', async () => {
    const response = await app.request('/v1/models/local/echo', { method: 'DELETE', headers });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
  });
});

function stable(body: unknown): string {
  return JSON.stringify(body, (key, value: unknown) => (key === 'request_id' ? undefined : value));
}
