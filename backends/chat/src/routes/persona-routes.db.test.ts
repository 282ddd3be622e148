import { getTableColumns } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { personas } from '#shared/db/schema.ts';
import { startChatPeople, type ChatPeople, type Person } from '../../../../tests/support/chat-people.ts';
import { mu } from '../personas/mu.ts';

let chat: ChatPeople;
let me: Person;
let other: Person;
let admin: Person;
beforeAll(async () => {
  chat = await startChatPeople();
});
beforeEach(() => {
  me = chat.person();
  other = chat.person();
  admin = chat.person('admin');
});
afterAll(async () => {
  await chat.close();
});

const path = '/api/v0.2/personas';
const aMoment: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
const nowhere = '99999999-9999-4999-8999-999999999999';
const pirate = { name: 'Pirate', system_prompt: 'Arr! {tools_section}' };
const PersonaSchema = z.object({ id: z.string(), name: z.string(), system_prompt: z.string() });
const OneSchema = z.object({ success: z.literal(true), persona: PersonaSchema, message: z.string() });
const ListSchema = z.object({
  success: z.literal(true),
  personas: z.array(PersonaSchema),
  total: z.int(),
  next: z.string().nullable(),
});

async function made(who: Person, persona: object = pirate): Promise<string> {
  const { status, body } = await who.call('POST', path, persona);
  expect(status).toBe(201);
  return OneSchema.parse(body).persona.id;
}
const list = async (who: Person, query = ''): Promise<z.infer<typeof ListSchema>> =>
  ListSchema.parse((await who.call('GET', `${path}${query}`)).body);
const names = async (who: Person): Promise<string[]> => (await list(who)).personas.map(({ name }) => name);
const current = async (who: Person): Promise<string> =>
  OneSchema.parse((await who.call('GET', `${path}/current`)).body).persona.name;

describe('Mu', () => {
  it('answers whoever chose nobody, and is there for everybody, made once by however many ask at once', async () => {
    await chat.rows('delete from personas');
    const people = Array.from({ length: 10 }, () => chat.person());
    expect(await Promise.all(people.map(current))).toEqual(people.map(() => 'Mu'));
    expect(await chat.rows('select system_prompt, is_shared, default_version from personas')).toEqual([
      { system_prompt: mu.systemPrompt, is_shared: true, default_version: mu.version },
    ]);
    expect(await names(me)).toEqual(['Mu']);
  });

  it('is changed by administrators only, keeps their words, and gets Gaia’s back from them only', async () => {
    const id = OneSchema.parse((await me.call('GET', `${path}/current`)).body).persona.id;
    expect((await me.call('PUT', `${path}/${id}`, { system_prompt: 'Be evil' })).status).toBe(403);
    expect((await admin.call('PUT', `${path}/${id}`, { system_prompt: 'Our Mu' })).status).toBe(200);
    const restored = await me.call('POST', `${path}/initialize-default`);
    expect(restored.body).toMatchObject({ success: true, persona: { id, system_prompt: 'Our Mu' } });
    expect((await me.call('GET', `${path}/current`)).body).toMatchObject({ persona: { system_prompt: 'Our Mu' } });
    expect((await admin.call('POST', `${path}/initialize-default`)).body).toMatchObject({
      persona: { id, system_prompt: mu.systemPrompt },
    });
    expect((await me.call('GET', `${path}/current`)).body).toMatchObject({
      persona: { system_prompt: mu.systemPrompt },
    });
  });

  it('cannot be deleted or taken away from everybody', async () => {
    const id = OneSchema.parse((await me.call('GET', `${path}/current`)).body).persona.id;
    expect((await me.call('DELETE', `${path}/${id}`)).status).toBe(403);
    expect((await admin.call('DELETE', `${path}/${id}`)).status).toBe(409);
    expect((await admin.call('PUT', `${path}/${id}`, { is_shared: false })).status).toBe(409);
    expect(await current(me)).toBe('Mu');
  });

  it('gets new words with a new version of Gaia, where nobody has changed it', async () => {
    await chat.rows(`update personas set system_prompt = 'old', default_version = 0 where default_key = 'mu'`);
    expect((await me.call('POST', `${path}/initialize-default`)).body).toMatchObject({
      persona: { system_prompt: mu.systemPrompt },
    });
    await chat.rows(`update personas set system_prompt = 'newer', default_version = 99 where default_key = 'mu'`);
    expect((await me.call('POST', `${path}/initialize-default`)).body).toMatchObject({
      persona: { system_prompt: 'newer' },
    });
    await admin.call('POST', `${path}/initialize-default`);
  });
});

describe('a persona of one’s own', () => {
  it('is made, read, changed, chosen and deleted, in exactly the shape that is documented', async () => {
    const id = await made(me, { ...pirate, description: 'Salty', capabilities: { sail: true } });
    const persona = {
      id,
      name: 'Pirate',
      description: 'Salty',
      system_prompt: 'Arr! {tools_section}',
      personality_traits: {},
      capabilities: { sail: true },
      is_active: true,
      is_shared: false,
      created_by: me.principal.userId,
      created_at: aMoment,
      updated_at: aMoment,
    };
    expect((await me.call('GET', `${path}/${id}`)).body).toEqual({ success: true, persona, message: 'Found' });
    const changed = await me.call('PUT', `${path}/${id}`, { description: null, personality_traits: { loud: 1 } });
    expect(changed.body).toMatchObject({ persona: { ...pirate, description: null, personality_traits: { loud: 1 } } });
    expect(await current(me)).toBe('Mu');
    expect((await me.call('POST', `${path}/set`, { persona_id: id })).status).toBe(200);
    expect(await current(me)).toBe('Pirate');
    expect((await me.call('DELETE', `${path}/${id}`)).body).toEqual({ success: true, message: 'Deleted' });
    expect(await current(me)).toBe('Mu');
    expect((await me.call('GET', `${path}/${id}`)).status).toBe(404);
  });

  it('answers with its newest words at the next message', async () => {
    const id = await made(me);
    await me.call('POST', `${path}/set`, { persona_id: id });
    await current(me);
    await me.call('PUT', `${path}/${id}`, { name: 'Captain' });
    expect(await current(me)).toBe('Captain');
  });

  it('that is switched off answers nobody and cannot be chosen', async () => {
    const id = await made(me);
    await me.call('POST', `${path}/set`, { persona_id: id });
    await me.call('PUT', `${path}/${id}`, { is_active: false });
    expect(await current(me)).toBe('Mu');
    expect((await me.call('POST', `${path}/set`, { persona_id: id })).status).toBe(404);
    expect((await me.call('GET', `${path}/${id}`)).body).toMatchObject({ persona: { is_active: false } });
  });

  it('has a name that is nobody else’s problem, and only once for its owner', async () => {
    await made(me);
    await made(other);
    const twice = await me.call('POST', path, pirate);
    expect(twice.status).toBe(409);
    expect(twice.text).toContain('You have a persona of this name already');
    const second = await made(me, { ...pirate, name: 'Parrot' });
    expect((await me.call('PUT', `${path}/${second}`, { name: 'Pirate' })).status).toBe(409);
  });

  it('is one of at most a hundred, however many are made at once', async () => {
    await made(me);
    await chat.rows(
      `insert into personas (name, system_prompt, created_by) select 'p' || n, 'x', $1 from generate_series(1, 96) n`,
      [me.principal.userId],
    );
    const answers = await Promise.all(
      Array.from({ length: 6 }, async (_, i) => await me.call('POST', path, { ...pirate, name: `late ${i}` })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(3);
    const first = await list(me, '?limit=60');
    const second = await list(me, `?limit=60&after=${first.next}`);
    expect(first.total).toBe(101);
    expect(new Set([...first.personas, ...second.personas].map(({ id }) => id)).size).toBe(101);
    expect(second.next).toBeNull();
  });
});

describe('somebody else’s private persona', () => {
  it('is answered like one that does not exist, on every route, to administrators too, and stays as it was', async () => {
    const theirs = await made(other);
    const before = await chat.rows('select * from personas where id = $1', [theirs]);
    for (const who of [me, admin]) {
      const calls = [
        ['GET', theirs, nowhere],
        ['PUT', theirs, nowhere, { name: 'Mine' }],
        ['DELETE', theirs, nowhere],
      ] as const;
      for (const [method, id, none, body] of calls) {
        const refused = await who.call(method, `${path}/${id}`, body);
        const missing = await who.call(method, `${path}/${none}`, body);
        expect(refused.status).toBe(404);
        expect(refused.text).toBe(missing.text.replaceAll(none, id));
      }
      const set = await who.call('POST', `${path}/set`, { persona_id: theirs });
      expect(set.status).toBe(404);
      expect(set.text).toBe((await who.call('POST', `${path}/set`, { persona_id: nowhere })).text);
      expect(await names(who)).not.toContain('Pirate');
      expect(await list(who, `?after=${theirs}`)).toMatchObject({ personas: [] });
    }
    expect(await chat.rows('select * from personas where id = $1', [theirs])).toEqual(before);
  });

  it('answers nobody any more who had chosen it while it was shared', async () => {
    const id = await made(admin, { ...pirate, is_shared: true });
    await me.call('POST', `${path}/set`, { persona_id: id });
    expect(await current(me)).toBe('Pirate');
    await admin.call('PUT', `${path}/${id}`, { is_shared: false });
    expect(await current(me)).toBe('Mu');
    await admin.call('DELETE', `${path}/${id}`);
  });
});

describe('a shared persona', () => {
  it('is made and changed by administrators only, whose names it does not tell', async () => {
    expect((await me.call('POST', path, { ...pirate, is_shared: true })).status).toBe(403);
    expect((await me.call('POST', path, { ...pirate, is_shared: false })).status).toBe(403);
    const mine = await made(me, { ...pirate, name: 'Private' });
    expect((await me.call('PUT', `${path}/${mine}`, { is_shared: true })).status).toBe(403);
    const shared = await made(admin, { ...pirate, is_shared: true });
    expect((await me.call('GET', `${path}/${shared}`)).body).toMatchObject({ persona: { created_by: null } });
    expect(await names(me)).toContain('Pirate');
    expect((await me.call('PUT', `${path}/${shared}`, { name: 'x' })).status).toBe(403);
    expect((await me.call('DELETE', `${path}/${shared}`)).status).toBe(403);
    expect((await chat.person('admin').call('DELETE', `${path}/${shared}`)).status).toBe(200);
  });
});

describe('a request that may not be', () => {
  const known = ['name', 'description', 'system_prompt', 'capabilities'];
  const columns = Object.entries<{ name: string }>(getTableColumns(personas)).flatMap(([property, { name }]) => [
    property,
    name,
  ]);
  const allowed = new Set([...known, 'personality_traits', 'is_active', 'is_shared']);

  it.each([...new Set(columns), 'owner', 'constructor'].filter((name) => !allowed.has(name)))(
    'is refused: it sets %s',
    async (name) => {
      const id = await made(me);
      for (const value of ['mu', true, null, other.principal.userId]) {
        expect((await me.call('POST', path, { ...pirate, name: 'n', [name]: value })).status).toBe(422);
        expect((await me.call('PUT', `${path}/${id}`, { [name]: value })).status).toBe(422);
      }
      expect(await list(me)).toMatchObject({ total: 2 });
    },
  );

  it.each([
    {},
    { name: 'x' },
    { ...pirate, name: '' },
    { ...pirate, name: 'x'.repeat(101) },
    { ...pirate, name: 'a\u0007b' },
    { ...pirate, system_prompt: '' },
    { ...pirate, system_prompt: 'x'.repeat(32_001) },
    { ...pirate, description: 'x'.repeat(2_001) },
    { ...pirate, capabilities: [] },
    { ...pirate, capabilities: 'all' },
    { ...pirate, personality_traits: { a: 'x'.repeat(16_000) } },
    { ...pirate, is_active: 'yes' },
  ])('is refused: %j', async (body) => {
    expect((await me.call('POST', path, body)).status).toBe(422);
    expect(await names(me)).toEqual(['Mu']);
  });

  it('is too large, is no id, or says nothing', async () => {
    const big = await me.call('POST', path, { ...pirate, description: 'x'.repeat(300_000) });
    expect(big.status).toBe(413);
    expect((await me.call('POST', `${path}/set`, { persona_id: 'mu' })).status).toBe(422);
    const id = await made(me, { ...pirate, system_prompt: '語'.repeat(32_000) });
    expect((await me.call('PUT', `${path}/${id}`, {})).status).toBe(422);
    expect((await me.call('GET', `${path}/not-an-id`)).status).toBe(404);
  });

  it('needs chat:write to change and chat:read to read, at every path', async () => {
    const reader = chat.person('chat:read');
    const writer = chat.person('chat:write');
    for (const each of [path, '/api/v1/personas', '/api/v1/chat/personas', `${path}/current`, `${path}/${nowhere}`]) {
      expect((await writer.call('GET', each)).status).toBe(403);
      expect([200, 404]).toContain((await reader.call('GET', each)).status);
    }
    for (const [method, each, body] of [
      ['POST', path, pirate],
      ['POST', '/api/v1/chat/personas', pirate],
      ['POST', `${path}/set`, { persona_id: nowhere }],
      ['POST', `${path}/initialize-default`, undefined],
      ['PUT', `${path}/${nowhere}`, pirate],
      ['DELETE', `${path}/${nowhere}`, undefined],
      ['POST', '/api/v1/chat/reload-prompt', undefined],
      ['POST', '/api/v0.2/chat/stream/cache/invalidate', undefined],
    ] as const) {
      expect((await reader.call(method, each, body)).status).toBe(403);
    }
  });
});
