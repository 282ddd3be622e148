import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { Persona } from './persona.ts';

export type NewPersona = Pick<
  Persona,
  'name' | 'description' | 'systemPrompt' | 'personalityTraits' | 'capabilities' | 'isActive' | 'isShared'
>;
export type PersonaChange = { [Name in keyof NewPersona]?: NewPersona[Name] | undefined };

export type PersonaPage = { items: Persona[]; next: string | null; total: number };

/** Personas as a user sees them: one's own and the shared ones. Others do not exist. */
export type PersonaStore = {
  list: (principal: UserPrincipal, page: { limit: number; after?: string | undefined }) => Promise<PersonaPage>;
  find: (principal: UserPrincipal, id: string) => Promise<Persona | null>;
  /** Rejects with `conflict` where the owner has `atMost` already, or one of this name. */
  insert: (principal: UserPrincipal, persona: NewPersona, atMost: number) => Promise<Persona>;
  /** Rejects with `conflict` where the owner has another one of this name. Null: none that this user sees. */
  change: (principal: UserPrincipal, id: string, change: PersonaChange) => Promise<Persona | null>;
  remove: (principal: UserPrincipal, id: string) => Promise<void>;
  /** What the user chose, if it is there, active and visible. */
  chosen: (principal: UserPrincipal) => Promise<Persona | null>;
  choose: (principal: UserPrincipal, id: string) => Promise<void>;
  /** Mu, made where it is missing and brought up to date where nobody has changed it. */
  ensureDefault: () => Promise<Persona>;
  /** Mu with the words that come with Gaia, whoever changed it. */
  restoreDefault: () => Promise<Persona>;
};
