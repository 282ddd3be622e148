import type { PersonaAnswer } from '#shared/contracts/chat-personas.ts';
import { AppError } from '#shared/http/error.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';

export type Persona = {
  id: string;
  name: string;
  description: string | null;
  systemPrompt: string;
  personalityTraits: Record<string, unknown>;
  capabilities: Record<string, unknown>;
  isActive: boolean;
  isShared: boolean;
  /** Whether it is one that comes with Gaia. */
  isDefault: boolean;
  createdBy: string | null;
  createdAt: Date;
  updatedAt: Date;
};

/** Who made a shared persona is nobody else's business. */
export function describePersona(persona: Persona, { userId }: UserPrincipal): PersonaAnswer {
  return {
    id: persona.id,
    name: persona.name,
    description: persona.description,
    system_prompt: persona.systemPrompt,
    personality_traits: persona.personalityTraits,
    capabilities: persona.capabilities,
    is_active: persona.isActive,
    is_shared: persona.isShared,
    created_by: persona.createdBy === userId ? userId : null,
    created_at: persona.createdAt.toISOString(),
    updated_at: persona.updatedAt.toISOString(),
  };
}

/** The same words for a persona that is missing and for somebody else's private one. */
export function personaNotFound(): AppError {
  return new AppError('not_found', 'There is no such persona');
}
