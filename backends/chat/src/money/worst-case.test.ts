import { describe, expect, it } from 'vitest';
import type { JsonObject } from '#shared/json.ts';
import type { TokenPrice } from '#shared/prices/money.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { createPricing } from './charged-price.ts';
import { sizeOf, type RequestSize } from './request-size.ts';
import { affordableOutput, worstCase, type PricedModel } from './worst-case.ts';

const dollar: TokenPrice = { input: 1_000_000, cachedInput: 100_000, output: 1_000_000 };
const model = (card: Partial<PricedModel['card']> = {}, price: Partial<TokenPrice> = {}): PricedModel => ({
  price: { ...dollar, ...price },
  card: { maxOutputTokens: null, contextWindow: null, ...card },
});
const options = { defaultMaxOutput: 4_000, leastOutput: 100 };
const measured = (body: JsonObject, protocol: Protocol = 'chat-completions'): RequestSize =>
  sizeOf(protocol, body, Buffer.byteLength(JSON.stringify(body)));
const user = (content: unknown): JsonObject => ({ messages: [{ role: 'user', content }] });
const base64 = 'QUJD'.repeat(250_000);

describe('the size of a request', () => {
  it('has at least a token for each byte of text, in any script and however it is escaped', () => {
    const text = '😀漢字ä\n"';
    expect(measured(user(text)).textTokens).toBeGreaterThan(Buffer.byteLength(text));
    const escaped = Buffer.from(String.raw`{"messages":[{"content":"\ud83d\ude00"}]}`);
    expect(sizeOf('chat-completions', user('😀'), escaped.length).textTokens).toBeGreaterThan(4);
  });

  it.each<[string, Protocol, JsonObject]>([
    [
      'OpenAI’s',
      'chat-completions',
      user([{ type: 'image_url', image_url: { url: `data:image/png;base64,${base64}` } }]),
    ],
    [
      'the Responses API’s',
      'responses',
      { input: [{ role: 'user', content: [{ type: 'input_image', image_url: `data:image/png;base64,${base64}` }] }] },
    ],
    ['Anthropic’s', 'messages', user([{ type: 'image', source: { type: 'base64', data: base64 } }])],
    [
      'in a tool’s result',
      'messages',
      user([{ type: 'tool_result', content: [{ type: 'image', source: { type: 'base64', data: base64 } }] }]),
    ],
  ])('counts an image as one and not by its bytes: %s', (_whose, protocol, body) => {
    const size = measured(body, protocol);
    expect(size.images).toBe(1);
    expect(size.textTokens).toBeLessThan(1_000);
  });

  it.each<[string, JsonObject]>([
    ['in text', user(`data:image/png;base64,${base64}`)],
    ['in the schema of a tool', { tools: [{ type: 'function', function: { image_url: { url: `data:${base64}` } } }] }],
    ['under another type', user([{ type: 'text', image_url: { url: `data:image/png;base64,${base64}` } }])],
    ['in a field of its own', { ...user('x'), image: { type: 'image', source: { type: 'base64', data: base64 } } }],
    ['as sound', user([{ type: 'input_audio', input_audio: { data: base64, format: 'wav' } }])],
  ])('counts the same bytes as text where no vendor looks for an image: %s', (_where, body) => {
    const size = measured(body);
    expect(size.images).toBe(0);
    expect(size.textTokens).toBeGreaterThan(base64.length);
  });

  it.each<[string, JsonObject]>([
    ['a document', user([{ type: 'document', source: { type: 'file', file_id: 'f' } }])],
    ['a file', user([{ type: 'file', file: { file_id: 'f' } }])],
    ['an earlier answer', { input: 'x', previous_response_id: 'r' }],
    ['a tool of the vendor', { ...user('x'), tools: [{ type: 'web_search_20250305', name: 'web_search' }] }],
    ['a search', { ...user('x'), web_search_options: {} }],
  ])('is open where the vendor adds input: %s', (_what, body) => {
    expect(measured(body).isOpenEnded).toBe(true);
    expect(worstCase(measured(body), [model({ contextWindow: 200_000 })], options).worst.tokens).toBe(204_000);
    expect(worstCase(measured(body), [model()], options).worst.tokens).toBe(1_004_000);
  });

  it.each<[string, JsonObject]>([
    ['functions', { tools: [{ type: 'function', function: { name: 'f' } }] }],
    ['functions of the Responses API', { tools: [{ type: 'function', name: 'f', parameters: {} }] }],
    ['Anthropic’s', { tools: [{ name: 'f', input_schema: {} }] }],
    ['a shell of the caller’s', { tools: [{ type: 'bash_20250124', name: 'bash' }] }],
  ])('is not open for tools that the caller runs: %s', (_what, tools) => {
    expect(measured({ ...user('x'), ...tools }).isOpenEnded).toBe(false);
    expect(measured({ ...user('x'), ...tools }).textTokens).toBeGreaterThan(2_000);
  });
});

describe('the worst case of a call', () => {
  const size = (over: Partial<RequestSize> = {}): RequestSize => ({
    textTokens: 1_000,
    images: 0,
    isOpenEnded: false,
    maxOutput: null,
    choices: 1,
    ...over,
  });

  it.each<[string, JsonObject, Protocol, number | null]>([
    ['max_tokens', { max_tokens: 5 }, 'chat-completions', 5],
    ['the larger of two', { max_tokens: 5, max_completion_tokens: 9 }, 'chat-completions', 9],
    ['max_output_tokens', { max_output_tokens: 7 }, 'responses', 7],
    ['Anthropic’s', { max_tokens: 8 }, 'messages', 8],
    ['none', { max_tokens: null }, 'chat-completions', null],
    ['another protocol’s field', { max_output_tokens: 7 }, 'chat-completions', null],
    ['no output at all', { input: 'x' }, 'embeddings', 0],
  ])('takes the caller’s maximum: %s', (_name, body, protocol, most) => {
    expect(measured(body, protocol).maxOutput).toBe(most);
  });

  it('has the caller’s maximum of each answer, else the model’s, else the configured one', () => {
    const tokens = (given: RequestSize, card = {}): number => worstCase(given, [model(card)], options).worst.tokens;
    expect(tokens(size({ maxOutput: 500, choices: 3 }), { maxOutputTokens: 100 })).toBe(1_000 + 1_500);
    expect(tokens(size(), { maxOutputTokens: 2_000 })).toBe(3_000);
    expect(tokens(size())).toBe(5_000);
    expect(measured({ n: 4 }).choices).toBe(4);
    expect(measured({ n: 4 }, 'messages').choices).toBe(1);
  });

  it('is the dearest of all models that may answer, at the dearest rate of each', () => {
    const cached = model({}, { input: 10, cacheWrite: 3_000_000, output: 0 });
    const { worst } = worstCase(size({ maxOutput: 10 }), [model(), cached, model({ maxOutputTokens: 9 })], options);
    expect(worst).toEqual({ micros: 3_000, tokens: 1_010 });
  });

  it('never has more input than the model’s context', () => {
    expect(worstCase(size({ images: 5, maxOutput: 0 }), [model({ contextWindow: 8_000 })], options).worst.tokens).toBe(
      8_000,
    );
    expect(worstCase(size({ images: 5, maxOutput: 0 }), [model()], options).worst.tokens).toBe(251_000);
  });

  it('makes do with less only where the caller named no maximum', () => {
    expect(worstCase(size(), [model()], options).least).toEqual({ micros: 1_100, tokens: 1_100 });
    expect(worstCase(size(), [model({ maxOutputTokens: 20 })], options).least.tokens).toBe(1_020);
    const named = worstCase(size({ maxOutput: 900 }), [model()], options);
    expect(named.least).toEqual(named.worst);
  });

  it('of counting tokens is nothing, as is that of a model that is free', () => {
    expect(worstCase(measured(user('x'), 'count-tokens'), [model()], options).worst).toEqual({ micros: 0, tokens: 0 });
    const free = { input: 0, cachedInput: 0, output: 0 };
    expect(worstCase(size(), [model({}, free)], options).worst.micros).toBe(0);
  });
});

describe('the output that a grant affords', () => {
  const size: RequestSize = { textTokens: 1_000, images: 0, isOpenEnded: false, maxOutput: null, choices: 2 };
  const afford = (micros: number, tokens: number, priced = model()): number =>
    affordableOutput({ micros, tokens }, size, priced, options);

  it('is all that is asked for where the grant is the worst case', () => {
    const { worst, least } = worstCase(size, [model()], options);
    expect(afford(worst.micros, worst.tokens)).toBe(4_000);
    expect(afford(least.micros, least.tokens)).toBe(100);
  });

  it('is never more than the grant pays, and a token more would be', () => {
    for (const price of [1, 333_333, 15_000_000, 75_000_001]) {
      const priced = model({}, { output: price });
      for (const micros of [1_001, 1_234, 5_000]) {
        const output = afford(micros, 1e9, priced);
        const cost = (each: number): number => worstCase({ ...size, maxOutput: each }, [priced], options).worst.micros;
        expect(cost(output)).toBeLessThanOrEqual(micros);
        expect(output === 4_000 || cost(output + 1) > micros).toBe(true);
      }
    }
  });

  it('is bounded by tokens as by money', () => {
    expect(afford(1e12, 1_500)).toBe(250);
    expect(afford(0, 0)).toBe(0);
  });
});

describe('the price of a model', () => {
  it('is the catalogue’s, else the configured one, and never nothing', () => {
    const known = { model: 'm', card: { price: dollar } };
    const unknown = { model: 'm', card: { price: null } };
    const strict = createPricing({ priceVersion: 7, unknownModelPrice: null });
    expect(strict(known)).toEqual({ price: dollar, version: 7 });
    expect(() => strict(unknown)).toThrow(expect.objectContaining({ code: 'validation_failed' }));
    const lenient = createPricing({ priceVersion: 7, unknownModelPrice: dollar });
    expect(lenient(unknown)).toEqual({ price: dollar, version: 0 });
  });
});
