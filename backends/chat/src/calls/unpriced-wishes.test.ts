import { describe, expect, it } from 'vitest';
import { AppError } from '#shared/http/error.ts';
import { asUser, createTestChat } from '../testing/chat-app.ts';
import { refuseUnpriced } from './unpriced-wishes.ts';

describe('a wish whose price nobody knows', () => {
  it.each([
    ['chat-completions', 'service_tier', 'priority'],
    ['chat-completions', 'service_tier', 'fast'],
    ['responses', 'service_tier', 'scale'],
    ['messages', 'speed', 'fast'],
    ['messages', 'inference_geo', 'us'],
    ['messages', 'fallbacks', [{ model: 'claude-opus-4-5', speed: 'fast' }]],
    ['messages', 'fallbacks', 'default'],
    ['chat-completions', 'models', ['openai/gpt-5']],
    ['chat-completions', 'service_tier', ['priority']],
  ] as const)('in %s, %s %j, is refused by its name', (protocol, field, value) => {
    const refused = refusalOf(() => refuseUnpriced(protocol, { [field]: value }));
    expect(refused.code).toBe('validation_failed');
    expect(refused.message).toMatch(new RegExp(`^${field}: .* is not offered here: its price is not known$`));
    expect(refused.options.errors?.map(({ path }) => path)).toEqual([field]);
  });

  it.each([
    ['service_tier', 'auto'],
    ['service_tier', 'default'],
    ['service_tier', 'flex'],
    ['service_tier', 'standard_only'],
    ['speed', 'standard'],
    ['speed', null],
    ['fallbacks', null],
    ['model', 'priority'],
  ])('is not seen in %s: %j', (field, value) => {
    expect(() => refuseUnpriced('messages', { [field]: value })).not.toThrow();
  });

  it('is refused as a tool that makes pictures at the vendor, and no other tool is', () => {
    const described = { type: 'function', name: 'image_generation', parameters: {} };
    const tools = [described, { type: 'image_generation', size: '1024x1024' }];
    const refused = refusalOf(() => refuseUnpriced('responses', { tools }));
    expect(refused.options.errors?.map(({ path }) => path)).toEqual(['tools.1.type']);
    for (const others of [[described], [{ type: 'web_search' }], [null, 1], {}, null]) {
      expect(() => refuseUnpriced('responses', { tools: others })).not.toThrow();
    }
  });

  it('costs nothing where only tokens are counted', () => {
    expect(() => refuseUnpriced('count-tokens', { speed: 'fast' })).not.toThrow();
  });

  it('is refused before anything is held back or asked for, streamed or not', async () => {
    const { app, metering } = createTestChat();
    const headers = { ...asUser('chat:write'), 'content-type': 'application/json' };
    const asked = { model: 'local/echo', messages: [{ role: 'user', content: 'hi' }], service_tier: 'priority' };
    for (const stream of [false, true]) {
      const body = JSON.stringify({ ...asked, stream });
      const answer = await app.request('/v1/chat/completions', { method: 'POST', headers, body });
      expect(answer.status).toBe(422);
      expect(await answer.json()).toMatchObject({ errors: [{ path: 'service_tier' }] });
    }
    expect(metering.admissions).toEqual([]);
  });
});

function refusalOf(act: () => void): AppError {
  try {
    act();
  } catch (error) {
    if (error instanceof AppError) return error;
  }
  throw new Error('nothing was refused');
}
