import { describe, expect, it } from 'vitest';
import { AppError } from '#shared/http/error.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import { createCatalogue } from '../completion/catalogue.ts';
import { translationFor } from '../protocols/index.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { isSelectionAllowed } from '../selection/allowed-models.ts';
import { standIn } from '../testing/stand-in-provider.ts';
import { planCall, type PlanOptions } from './plan-call.ts';

const price = { input: 1, cachedInput: 1, output: 1 };
const options: PlanOptions = {
  catalogue: createCatalogue([
    standIn('openai', [{ id: 'first', price }, { id: 'second', price }, { id: 'unpriced' }]),
    standIn('anthropic', [{ id: 'third', price }]),
    standIn('counting', [{ id: 'only', price }], { speaks: ['count-tokens'] }),
  ]),
  fallbacks: new Map([['first', ['nowhere', 'unpriced', 'counting/only', 'second', 'third']]]),
  isAllowed: isSelectionAllowed,
  priceOf: ({ card }) => {
    if (!card.price) throw new AppError('validation_failed', 'nobody knows its price');
    return { price: card.price, version: 1 };
  },
  translationFor,
};
const protocol: Protocol = 'chat-completions';

function planned(model: string, more: { allowedModels?: string[]; fallbacks?: string[] } = {}): string[] {
  const { allowedModels, ...rest } = more;
  const same = { kind: 'user', userId: 'u', keyId: 'k', scopes: [], limits: {} } as const;
  const principal: UserPrincipal = { ...same, scopes: [], ...(allowedModels && { allowedModels }) };
  const targets = planCall(options, { principal, protocol, model, ...rest });
  return targets.map(({ model: name, isFallback }) => (isFallback ? `then ${name}` : name));
}

describe('who may answer a call', () => {
  it('is the model that was asked for, then the configured ones that exist, have a price and speak it', () => {
    expect(planned('first')).toEqual(['first', 'then second', 'then third']);
    expect(planned('second')).toEqual(['second']);
  });

  it('is nobody else than the call itself says', () => {
    expect(planned('first', { fallbacks: [] })).toEqual(['first']);
    expect(planned('second', { fallbacks: ['third'] })).toEqual(['second', 'then third']);
  });

  it('is never a model that the key may not use, not even as a fallback', () => {
    expect(planned('first', { allowedModels: ['first', 'third'] })).toEqual(['first', 'then third']);
    expect(() => planned('first', { allowedModels: ['second'] })).toThrow('does not exist, or this key may not use it');
  });

  it.each([
    ['nowhere', 'not_found'],
    ['unpriced', 'validation_failed'],
    ['counting/only', 'validation_failed'],
  ])('is an error where %s itself cannot be had', (model, code) => {
    expect(() => planned(model)).toThrow(expect.objectContaining({ code }));
  });

  it('is not guessed where a bug of ours is in the way', () => {
    const broken: PlanOptions = {
      ...options,
      translationFor: (_caller, [spoken]) => {
        if (spoken === 'count-tokens') throw new Error('a bug');
        return null;
      },
    };
    const principal: UserPrincipal = { kind: 'user', userId: 'u', keyId: 'k', scopes: [], limits: {} };
    expect(() => planCall(broken, { principal, protocol, model: 'first' })).toThrow('a bug');
  });
});
