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

  it.each([
    ['openai', 'OPENAI_API_KEY', 'https://api.openai.com/v1'],
    ['anthropic', 'ANTHROPIC_API_KEY', 'https://api.anthropic.com'],
  ])('needs only its key for %s', (id, variable, baseUrl) => {
    const { vendors } = readConfig({ ...env, [variable]: 'sk-1' });
    expect(vendors).toEqual([expect.objectContaining({ id, baseUrl, apiKey: 'sk-1', models: null, headers: {} })]);
  });

  it('may send OpenAI and Anthropic elsewhere, and names who pays', () => {
    const { vendors } = readConfig({
      ...env,
      OPENAI_API_KEY: 'sk-1',
      OPENAI_BASE_URL: 'http://127.0.0.1:1/v1',
      OPENAI_ORG_ID: 'org-1',
      OPENAI_PROJECT_ID: 'proj-1',
      ANTHROPIC_API_KEY: 'sk-2',
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:2',
    });
    expect(vendors).toMatchObject([
      { baseUrl: 'http://127.0.0.1:1/v1', headers: { 'openai-organization': 'org-1', 'openai-project': 'proj-1' } },
      { baseUrl: 'http://127.0.0.1:2', headers: {}, speaks: ['messages', 'count-tokens'] },
    ]);
  });

  it('knows who tells the usage of a stream unasked, and believes what an entry says of it', () => {
    const unaskedOf = (entry: object) => readConfig(withProviders(entry)).vendors[0]?.tellsUsageUnasked;
    const mistral = { id: 'mistral', models: ['m'], api_key_variable: 'GROQ_API_KEY' };
    expect([unaskedOf(mistral), unaskedOf(groq)]).toEqual([true, false]);
    expect(unaskedOf({ ...mistral, stream_usage: 'asked' })).toBe(false);
    expect(unaskedOf({ ...groq, stream_usage: 'always' })).toBe(true);
  });

  it('lets no tool pass that vendors bill, but those that are named', () => {
    expect(readConfig(env).UNBILLED_VENDOR_TOOLS).toEqual(new Set());
    const named = readConfig({ ...env, UNBILLED_VENDOR_TOOLS: 'web_search, file_search' });
    expect(named.UNBILLED_VENDOR_TOOLS).toEqual(new Set(['web_search', 'file_search']));
    expect(() => readConfig({ ...env, UNBILLED_VENDOR_TOOLS: 'web_surfing' })).toThrow('UNBILLED_VENDOR_TOOLS');
  });

  it('takes a provider’s key from the variable that it names', () => {
    const acme = { ...groq, id: 'acme', speaks: ['responses'], images: 'fetch' };
    expect(readConfig(withProviders(acme)).vendors).toEqual([
      {
        id: 'acme',
        name: 'acme',
        baseUrl: groq.base_url,
        apiKey: 'gsk-secret',
        models: ['llama'],
        speaks: ['responses'],
        fetchesImages: false,
        tellsUsageUnasked: false,
        headers: {},
      },
    ]);
  });

  it('knows where the usual vendors are, and which want no key', () => {
    const usual = ['gemini', 'groq', 'mistral', 'ollama', 'openrouter', 'together', 'vllm'];
    const keys: Record<string, unknown> = withProviders(...usual.map((id) => ({ id, models: ['m'] })));
    for (const id of usual) keys[`${id.toUpperCase()}_API_KEY`] = `key-${id}`;
    const { vendors } = readConfig(keys);
    expect(vendors.map(({ id }) => id)).toEqual(usual);
    for (const { id, apiKey, baseUrl } of vendors) {
      const isOurs = id === 'ollama' || id === 'vllm';
      expect({ id, apiKey }).toEqual({ id, apiKey: isOurs ? null : `key-${id}` });
      expect(baseUrl).toMatch(isOurs ? /^http:\/\/localhost:\d+\/v1$/ : /^https:\/\/[a-z.]+\/[a-z0-9/]+$/);
    }
  });

  it('lets a server without TLS be in the private network only', () => {
    const at = (host: string) => ({
      ...withProviders({ id: 'vllm', base_url: `http://${host}/v1`, models: ['m'] }),
      ENVIRONMENT: 'production',
    });
    for (const host of ['localhost:8000', '127.0.0.1', 'vllm.internal:8000', 'vllm.flycast'])
      expect(readConfig(at(host)).vendors).toHaveLength(1);
    for (const host of ['vllm.internal.example.com', 'internal', '10.0.0.1.nip.io', 'localhost.example.com'])
      expect(() => readConfig(at(host))).toThrow(/CHAT_PROVIDERS/);
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
    ['a vendor whose models nobody knows', withProviders({ ...groq, models: undefined }), 'CHAT_PROVIDERS'],
    ['a vendor that nobody knows', withProviders({ id: 'acme', models: ['m'] }), 'CHAT_PROVIDERS'],
    ['a protocol that it cannot be told to speak', withProviders({ ...groq, speaks: ['messages'] }), 'CHAT_PROVIDERS'],
    [
      'other protocols for a vendor with its own',
      { ...withProviders({ id: 'anthropic', speaks: ['responses'] }), ANTHROPIC_API_KEY: 'gsk-secret' },
      'CHAT_PROVIDERS',
    ],
    ['a key with a space', { ...env, ANTHROPIC_API_KEY: 'gsk-secret x' }, 'ANTHROPIC_API_KEY'],
    [
      'an organisation with a line break',
      { ...env, OPENAI_API_KEY: 'k', OPENAI_ORG_ID: 'gsk-secret\n' },
      'OPENAI_ORG_ID',
    ],
    ['a password in a base URL', { ...env, OPENAI_BASE_URL: 'https://u:gsk-secret@x.test' }, 'OPENAI_BASE_URL'],
    [
      'http to OpenAI in production',
      { ...env, OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'http://x.test', ENVIRONMENT: 'production' },
      'CHAT_PROVIDERS',
    ],
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
