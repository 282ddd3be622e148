import type { Principal } from '#shared/identity/principal.ts';
import type { Selection } from '../completion/catalogue.ts';

/** A model under all the names that a key may be restricted to. */
export type ModelNames = {
  /** As it is listed. */
  name: string;
  provider: string;
  /** As its provider calls it. */
  id: string;
};

/**
 * Whether a caller may use a model. Patterns are names, or the beginnings of names and a star; they are compared with
 * the listed name, the provider's own and `provider/id`. Without a restriction every model is allowed, with an empty
 * one none.
 */
export function isModelAllowed(principal: Principal, { name, provider, id }: ModelNames): boolean {
  if (principal.kind !== 'user') return false;
  const patterns = principal.allowedModels ?? null;
  if (patterns === null) return true;
  const names = [name, id, `${provider}/${id}`];
  return patterns.some((pattern) => names.some((candidate) => matches(pattern, candidate)));
}

/** The same for what a name stands for, where it need not be listed. */
export function isSelectionAllowed(
  principal: Principal,
  { provider, model }: Pick<Selection, 'provider' | 'model'>,
): boolean {
  return isModelAllowed(principal, { name: model, provider: provider.id, id: model });
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
