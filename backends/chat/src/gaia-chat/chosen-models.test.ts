import { describe, expect, it } from 'vitest';
import { ChatRequest } from '#shared/contracts/chat.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import { createCatalogue } from '../completion/catalogue.ts';
import type { ModelCard } from '../completion/model-card.ts';
import { planCall } from '../calls/plan-call.ts';
import { createPerformanceBook } from '../performance/performance-book.ts';
import { createPricing } from '../money/charged-price.ts';
import { createLocalProvider } from '../providers/index.ts';
import { translationFor } from '../protocols/index.ts';
import { isSelectionAllowed } from '../selection/allowed-models.ts';
import { standIn } from '../testing/stand-in-provider.ts';
import { chosenModels, type ChosenModels } from './chosen-models.ts';

const price = (dollars: number) => ({ input: dollars * 1e6, cachedInput: dollars * 1e5, output: dollars * 4e6 });
const capabilities = ['chat', 'streaming'] as const;
const card = (id: string, quality: number, dollars: number, more: Partial<ModelCard> = {}) => ({
  id,
  capabilities,
  quality,
  price: price(dollars),
  ...more,
});

const openai = standIn('openai', [
  card('wise', 0.9, 10, { capabilities: [...capabilities, 'vision', 'tools'] }),
  card('quick', 0.5, 1),
  card('mystery', 1, 1, { price: null }),
]);
const anthropic = standIn('anthropic', [card('calm', 0.7, 0.1)], { aliases: ['claude'] });
const catalogue = createCatalogue([openai, anthropic, createLocalProvider()]);
const book = createPerformanceBook();
for (const [provider, model, firstByteMs] of [
  ['openai', 'wise', 1_800],
  ['openai', 'quick', 100],
  ['anthropic', 'calm', 600],
] as const) {
  book.record({ provider, model, outcome: 'completed', errorCode: null, firstByteMs, totalMs: firstByteMs });
}
const somebody: UserPrincipal = { kind: 'user', userId: 'u', keyId: null, scopes: [], limits: {} };

function chosen(fields: object, principal = somebody): ChosenModels {
  const priceOf = createPricing({ priceVersion: 1, unknownModelPrice: null });
  const options = { catalogue, fallbacks: new Map(), isAllowed: isSelectionAllowed, priceOf, translationFor };
  const plan: Parameters<typeof chosenModels>[0]['plan'] = (wanted) => planCall(options, wanted);
  const request = ChatRequest.parse({ message: 'hi', ...fields });
  return chosenModels({ catalogue, plan, performance: book, today: () => '2026-11-21' }, principal, request);
}

describe('the model of a request that names none', () => {
  it.each([
    ['priority', { priority: 'quality', context_type: 'creative' }, 'wise'],
    ['priority', { priority: 'speed' }, 'quick'],
    ['priority', { priority: 'cost' }, 'calm'],
    ['context_type', { priority: 'quality', context_type: 'greeting' }, 'quick'],
    ['context_type', { context_type: 'multimodal' }, 'wise'],
    ['max_response_time_ms', { priority: 'quality', max_response_time_ms: 500 }, 'quick'],
    ['required_capabilities', { priority: 'speed', required_capabilities: ['vision'] }, 'wise'],
    ['tools', { priority: 'speed', tools: [{ type: 'function', function: { name: 'f' } }] }, 'wise'],
    ['provider', { provider: 'claude', priority: 'speed' }, 'calm'],
    ['auto_select_model', { model: 'wise', auto_select_model: true, priority: 'speed' }, 'quick'],
  ])('follows %s: %j', (_field, fields, expected) => {
    const choice = chosen(fields);
    expect(choice.model).toBe(expected);
    expect(choice.target.card.id).toBe(expected);
    expect(choice.reasoning).toContain(expected);
  });

  it('is one that the key may use, and whose price is known', () => {
    expect(chosen({ priority: 'quality' }, { ...somebody, allowedModels: ['mystery', 'calm'] }).model).toBe('calm');
  });

  it('is not there where the limit rules all of them out', () => {
    expect(() => chosen({ max_response_time_ms: 10 })).toThrow('No model that you may use');
  });

  it('falls back to another provider first, and never to a stand-in', () => {
    expect(chosen({ priority: 'speed' }).fallbacks?.[0]).toBe('calm');
    expect(chosen({ provider: 'openai', priority: 'speed' }).fallbacks?.[0]).toBe('calm');
    expect(chosen({ provider: 'claude' }).fallbacks).not.toContain('calm');
    for (const fields of [{}, { priority: 'cost' }]) expect(chosen(fields).fallbacks).not.toContain('local/echo');
  });

  it('stays with a forced provider, and with the model where it may not fall back', () => {
    expect(chosen({ provider: 'claude', force_provider: true }).fallbacks).toEqual([]);
    expect(chosen({ provider: 'openai', force_provider: true, priority: 'speed' }).fallbacks).not.toContain('calm');
    expect(chosen({ force_provider: true, priority: 'speed' }).fallbacks).toEqual(['wise']);
    expect(chosen({ enable_fallback: false }).fallbacks).toEqual([]);
  });
});

describe('the model that a request names', () => {
  it('is the one, without a reason, and falls back to what is configured', () => {
    expect(chosen({ model: 'wise', priority: 'speed' })).toMatchObject({ model: 'wise', fallbacks: undefined });
    expect(chosen({ model: 'wise' }).reasoning).toBeUndefined();
    expect(chosen({ model: 'wise', force_provider: true }).fallbacks).toEqual([]);
  });

  it.each([
    ['claude', 'calm'],
    ['claude', 'claude/calm'],
    ['claude', 'anthropic/calm'],
    ['anthropic', 'claude/calm'],
  ])('at %s may be called %s', (provider, model) => {
    expect(chosen({ provider, model })).toMatchObject({ model: 'calm', target: { provider: anthropic } });
  });

  it.each([
    [{ provider: 'claude', model: 'wise' }, 'not_found'],
    [{ provider: 'nobody', model: 'wise' }, 'not_found'],
    [{ model: 'nothing' }, 'not_found'],
    [{ model: 'mystery' }, 'validation_failed'],
  ])('is refused before anything happens where it cannot answer: %j', (fields, code) => {
    expect(() => chosen(fields)).toThrow(expect.objectContaining({ code }));
  });
});
