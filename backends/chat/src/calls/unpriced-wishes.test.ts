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

  it.each([
    'web_search',
    'web_search_preview_2025_03_11',
    'web_search_20250305',
    'file_search',
    'code_interpreter',
    'code_execution_20250825',
    'image_generation',
  ])('is refused as the tool %s, which the vendor bills by itself', (type) => {
    const tools = [{ type: 'function', name: type, parameters: {} }, { type }];
    const refused = refusalOf(() => refuseUnpriced('responses', { tools }));
    expect(refused.options.errors?.map(({ path }) => path)).toEqual(['tools.1.type']);
  });

  it('is refused as a search that a whole request asks for', () => {
    const refused = refusalOf(() => refuseUnpriced('chat-completions', { web_search_options: {} }));
    expect(refused.options.errors?.map(({ path }) => path)).toEqual(['web_search_options']);
  });

  it('is let through as a tool whose fees the operator pays, and as no other', () => {
    const paid = new Set(['web_search'] as const);
    const searching = { tools: [{ type: 'web_search_20250305' }], web_search_options: {} };
    expect(() => refuseUnpriced('messages', searching, paid)).not.toThrow();
    expect(() => refuseUnpriced('messages', { tools: [{ type: 'code_execution_20250825' }] }, paid)).toThrow(AppError);
  });

  it('is no tool that runs at the caller, or costs tokens only', () => {
    const types = ['function', 'custom', 'mcp', 'local_shell', 'bash_20250124', 'web_fetch_20250910', 7, null];
    for (const tools of [types.map((type) => ({ type })), [null, 1], {}, null]) {
      expect(() => refuseUnpriced('responses', { tools })).not.toThrow();
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
