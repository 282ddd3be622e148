import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';

const env = {
  ENVIRONMENT: 'local',
  DATABASE_URL: 'postgres://user:pass-word@localhost/gaia',
  GATEWAY_PUBLIC_KEYS: '{"keys":[{"kty":"OKP"}]}',
};
const groq = {
  id: 'groq',
  base_url: 'https://groq.test/openai/v1',
  api_key_variable: 'GROQ_API_KEY',
  models: ['llama'],
};
const withProviders = (...providers: unknown[]) => ({
  ...env,
  GROQ_API_KEY: 'gsk-secret',
  CHAT_PROVIDERS: JSON.stringify(providers),
});

describe('the configuration', () => {
  it('has no provider unless one is configured', () => {
    expect(readConfig(env)).toMatchObject({ vendors: [], LOCAL_PROVIDER: 'disabled', limits: { keepAliveMs: 15_000 } });
  });

  it('needs only OPENAI_API_KEY for OpenAI', () => {
    const { vendors } = readConfig({ ...env, OPENAI_API_KEY: 'sk-1' });
    expect(vendors).toMatchObject([{ id: 'openai', baseUrl: 'https://api.openai.com/v1', apiKey: 'sk-1' }]);
    expect(vendors[0]?.models).toContain('gpt-4o');
  });

  it('takes a provider’s key from the variable that it names', () => {
    expect(readConfig(withProviders(groq)).vendors).toEqual([
      { id: 'groq', name: 'groq', baseUrl: groq.base_url, apiKey: 'gsk-secret', models: ['llama'] },
    ]);
  });

  it('lets CHAT_PROVIDERS describe OpenAI otherwise', () => {
    const own = { ...groq, id: 'openai', base_url: 'http://127.0.0.1:1/v1', api_key_variable: 'OPENAI_API_KEY' };
    const { vendors } = readConfig({ ...withProviders(own), OPENAI_API_KEY: 'sk-1' });
    expect(vendors).toMatchObject([{ id: 'openai', baseUrl: 'http://127.0.0.1:1/v1' }]);
  });

  it('refuses the stand-in in production, and only there', () => {
    const enabled = { ...env, LOCAL_PROVIDER: 'enabled' };
    expect(readConfig({ ...enabled, ENVIRONMENT: 'staging' }).LOCAL_PROVIDER).toBe('enabled');
    expect(() => readConfig({ ...enabled, ENVIRONMENT: 'production' })).toThrow(/LOCAL_PROVIDER/);
  });
});

describe('a bad configuration names the variable and never shows a value', () => {
  it.each([
    ['a key that is not set', { ...withProviders(groq), GROQ_API_KEY: '' }, 'GROQ_API_KEY'],
    ['a key with a line break', { ...withProviders(groq), GROQ_API_KEY: 'gsk-secret\n' }, 'GROQ_API_KEY'],
    ['no JSON', { ...env, CHAT_PROVIDERS: '[gsk-secret' }, 'CHAT_PROVIDERS'],
    ['a key among the providers', withProviders({ ...groq, api_key: 'gsk-secret' }), 'CHAT_PROVIDERS'],
    ['a password in the URL', withProviders({ ...groq, base_url: 'https://u:gsk-secret@groq.test' }), 'CHAT_PROVIDERS'],
    ['an id twice', withProviders(groq, groq), 'CHAT_PROVIDERS'],
    ['the id of the stand-in', withProviders({ ...groq, id: 'local' }), 'CHAT_PROVIDERS'],
    ['a provider without models', withProviders({ ...groq, models: [] }), 'CHAT_PROVIDERS'],
    [
      'http in production',
      { ...withProviders({ ...groq, base_url: 'http://groq.test' }), ENVIRONMENT: 'production' },
      'CHAT_PROVIDERS',
    ],
    ['a time-out of no time', { ...env, PROVIDER_IDLE_SECONDS: '0' }, 'PROVIDER_IDLE_SECONDS'],
  ])('%s', (_name, bad, variable) => {
    const message = messageOf(() => readConfig(bad));
    expect(message).toContain(variable);
    expect(message).not.toMatch(/gsk-secret|pass-word/);
  });
});

function messageOf(act: () => unknown): string {
  try {
    act();
    return 'no error';
  } catch (error) {
    return String(error);
  }
}
