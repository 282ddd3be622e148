import type { ChangePersonaBody, CreatePersonaBody } from '#shared/contracts/chat-personas.ts';
import { AppError } from '#shared/http/error.ts';
import { isAllowed, type UserPrincipal } from '#shared/identity/principal.ts';
import { createPersonaCache, type PersonaCache, type PersonaCacheCounts } from './persona-cache.ts';
import { personaNotFound, type Persona } from './persona.ts';
import type { NewPersona, PersonaChange, PersonaPage, PersonaStore } from './persona-store.ts';

export type Personas = {
  list: (principal: UserPrincipal, page: { limit: number; after?: string | undefined }) => Promise<PersonaPage>;
  get: (principal: UserPrincipal, id: string) => Promise<Persona>;
  create: (principal: UserPrincipal, request: CreatePersonaBody) => Promise<Persona>;
  change: (principal: UserPrincipal, id: string, request: ChangePersonaBody) => Promise<Persona>;
  remove: (principal: UserPrincipal, id: string) => Promise<void>;
  /** From now on, this one answers the user. */
  choose: (principal: UserPrincipal, id: string) => Promise<Persona>;
  /** Makes sure of Mu; for an administrator, with the words that come with Gaia. */
  initializeDefault: (principal: UserPrincipal) => Promise<Persona>;
  /**
   * Who answers a message: the one that the request names (`not_found` where the user has no such active persona), else
   * the user's choice, else Mu.
   */
  personaFor: (principal: UserPrincipal, personaId?: string) => Promise<Persona>;
  /** What `personaFor` keeps for this user. */
  cache: { drop: (principal: UserPrincipal) => number; counts: (principal: UserPrincipal) => PersonaCacheCounts };
};

const maxPersonas = 100;
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

type Parts = { store: PersonaStore; cache: PersonaCache };

export function createPersonas(store: PersonaStore, cache: PersonaCache = createPersonaCache()): Personas {
  const parts: Parts = { store, cache };
  return {
    list: async (principal, page) => {
      await store.ensureDefault();
      return await store.list(principal, page);
    },
    get: async (principal, id) => await find(store, principal, id),
    create: async (principal, request) => {
      if (request.is_shared !== undefined) requireAdmin(principal);
      return await store.insert(principal, newPersonaOf(request), maxPersonas);
    },
    change: async (principal, id, request) => await change(parts, principal, { id, request }),
    remove: async (principal, id) => await remove(parts, principal, id),
    choose: async (principal, id) => {
      const persona = usable(await find(store, principal, id));
      await store.choose(principal, persona.id);
      cache.drop(principal.userId);
      return persona;
    },
    initializeDefault: async (principal) => {
      if (!isAllowed(principal, 'admin')) return await store.ensureDefault();
      const persona = await store.restoreDefault();
      cache.dropAll();
      return persona;
    },
    personaFor: async (principal, personaId) =>
      await cache.get(principal.userId, personaId ?? '', async () => {
        if (personaId !== undefined) return usable(await find(store, principal, personaId));
        return (await store.chosen(principal)) ?? (await store.ensureDefault());
      }),
    cache: {
      drop: ({ userId }) => cache.drop(userId),
      counts: ({ userId }) => cache.counts(userId),
    },
  };
}

async function find(store: PersonaStore, principal: UserPrincipal, id: string): Promise<Persona> {
  const persona = uuid.test(id) ? await store.find(principal, id.toLowerCase()) : null;
  if (!persona) throw personaNotFound();
  return persona;
}

async function changeable(store: PersonaStore, principal: UserPrincipal, id: string): Promise<Persona> {
  const persona = await find(store, principal, id);
  if (persona.isShared) requireAdmin(principal);
  return persona;
}

type Change = { id: string; request: ChangePersonaBody };

async function change(parts: Parts, principal: UserPrincipal, { id, request }: Change): Promise<Persona> {
  if (request.is_shared !== undefined) requireAdmin(principal);
  const before = await changeable(parts.store, principal, id);
  if (before.isDefault && request.is_shared === false) throw keepsMu('Mu is shared with everybody, and stays so');
  const after = await parts.store.change(principal, before.id, changeOf(request));
  if (!after) throw personaNotFound();
  forget(parts.cache, principal, [before, after]);
  return after;
}

async function remove({ store, cache }: Parts, principal: UserPrincipal, id: string): Promise<void> {
  const persona = await changeable(store, principal, id);
  if (persona.isDefault) throw keepsMu('Mu answers whoever chose nobody else, and cannot be deleted');
  await store.remove(principal, persona.id);
  forget(cache, principal, [persona]);
}

function forget(cache: PersonaCache, { userId }: UserPrincipal, touched: readonly Persona[]): void {
  if (touched.some(({ isShared }) => isShared)) cache.dropAll();
  else cache.drop(userId);
}

/** Shared personas are seen by everybody, so that saying who may change them tells nobody anything. */
function requireAdmin(principal: UserPrincipal): void {
  if (isAllowed(principal, 'admin')) return;
  throw new AppError('insufficient_scope', 'Shared personas are made and changed by administrators');
}

function usable(persona: Persona): Persona {
  if (!persona.isActive) throw personaNotFound();
  return persona;
}

function keepsMu(detail: string): AppError {
  return new AppError('conflict', detail);
}

function newPersonaOf(request: CreatePersonaBody): NewPersona {
  return {
    name: request.name,
    description: request.description ?? null,
    systemPrompt: request.system_prompt,
    personalityTraits: request.personality_traits ?? {},
    capabilities: request.capabilities ?? {},
    isActive: request.is_active ?? true,
    isShared: request.is_shared ?? false,
  };
}

function changeOf(request: ChangePersonaBody): PersonaChange {
  return {
    name: request.name,
    description: request.description,
    systemPrompt: request.system_prompt,
    personalityTraits: request.personality_traits,
    capabilities: request.capabilities,
    isActive: request.is_active,
    isShared: request.is_shared,
  };
}
