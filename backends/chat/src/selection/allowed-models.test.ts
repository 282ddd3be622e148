import { describe, expect, it } from 'vitest';
import type { Principal } from '#shared/identity/principal.ts';
import { isModelAllowed } from './allowed-models.ts';

function user(allowedModels?: string[] | null): Principal {
  const same = { kind: 'user', userId: 'u', keyId: 'k', scopes: [], limits: {} } as const;
  return { ...same, scopes: [], ...(allowedModels !== undefined && { allowedModels }) };
}

const mini = { name: 'gpt-4o-mini', provider: 'openai', id: 'gpt-4o-mini' };
const oss = { name: 'groq/openai/gpt-oss', provider: 'groq', id: 'openai/gpt-oss' };

describe('the models that a caller may use', () => {
  it.each([undefined, null, ['*']])('are all of them with %j', (allowed) => {
    expect(isModelAllowed(user(allowed), mini)).toBe(true);
    expect(isModelAllowed(user(allowed), oss)).toBe(true);
  });

  it.each([
    [['gpt-4o-mini'], true],
    [['gpt-4o*'], true],
    [['openai/gpt-4o-mini'], true],
    [['openai/*'], true],
    [['claude-*', 'gpt-4o-mini'], true],
    [['gpt-4o'], false],
    [['gpt-4o-mini-2024-07-18'], false],
    [['GPT-4O-MINI'], false],
    [['openai'], false],
    [['openai/'], false],
    [['open'], false],
    [['*mini'], false],
    [['gpt-4?-mini'], false],
    [['groq/*'], false],
    [[''], false],
    [[], false],
  ])('with %j: gpt-4o-mini %j', (allowed, expected) => {
    expect(isModelAllowed(user(allowed), mini)).toBe(expected);
  });

  it('are also named by their provider and id where the id has a slash', () => {
    expect(isModelAllowed(user(['groq/openai/*']), oss)).toBe(true);
    expect(isModelAllowed(user(['groq/*']), oss)).toBe(true);
    expect(isModelAllowed(user(['groq']), oss)).toBe(false);
  });

  it('are none for those who are no user', () => {
    expect(isModelAllowed({ kind: 'anonymous' }, mini)).toBe(false);
    expect(isModelAllowed({ kind: 'gateway' }, mini)).toBe(false);
  });
});
