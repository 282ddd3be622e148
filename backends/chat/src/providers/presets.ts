import type { Protocol } from '../protocols/protocol.ts';

/** What an entry of CHAT_PROVIDERS need not say about a vendor that is named here. */
export type Preset = {
  name: string;
  baseUrl?: string;
  /** Absent where the vendor wants no key. */
  apiKeyVariable?: string;
  /** A variable that moves the vendor elsewhere: a proxy, a region. */
  baseUrlVariable?: string;
  /** Headers that a variable fills, where it is set. */
  headerVariables?: Readonly<Record<string, string>>;
  /** Absent: what its kind of provider speaks by default. */
  speaks?: readonly Protocol[];
  /** False where the vendor takes images as bytes only, or stands in our network and must not fetch for strangers. */
  fetchesImages: boolean;
  /** Says in every stream what was used, and answers 422 to `stream_options.include_usage`. */
  tellsUsageUnasked?: true;
  /** Whether its key alone is enough, because the catalogue knows its models. */
  needsNoEntry?: true;
};

/** By id. Anything else that speaks OpenAI's protocols is described in full. */
export const presets: Readonly<Record<string, Preset | undefined>> = {
  openai: {
    name: 'OpenAI',
    baseUrl: 'https://api.openai.com/v1',
    baseUrlVariable: 'OPENAI_BASE_URL',
    apiKeyVariable: 'OPENAI_API_KEY',
    headerVariables: { 'openai-organization': 'OPENAI_ORG_ID', 'openai-project': 'OPENAI_PROJECT_ID' },
    fetchesImages: true,
    needsNoEntry: true,
  },
  anthropic: {
    name: 'Anthropic',
    baseUrl: 'https://api.anthropic.com',
    baseUrlVariable: 'ANTHROPIC_BASE_URL',
    apiKeyVariable: 'ANTHROPIC_API_KEY',
    speaks: ['messages', 'count-tokens'],
    fetchesImages: true,
    needsNoEntry: true,
  },
  gemini: {
    name: 'Google Gemini',
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
    apiKeyVariable: 'GEMINI_API_KEY',
    fetchesImages: false,
  },
  groq: {
    name: 'Groq',
    baseUrl: 'https://api.groq.com/openai/v1',
    apiKeyVariable: 'GROQ_API_KEY',
    speaks: ['chat-completions'],
    fetchesImages: true,
  },
  mistral: {
    name: 'Mistral',
    baseUrl: 'https://api.mistral.ai/v1',
    apiKeyVariable: 'MISTRAL_API_KEY',
    fetchesImages: true,
    tellsUsageUnasked: true,
  },
  ollama: { name: 'Ollama', baseUrl: 'http://localhost:11434/v1', fetchesImages: false },
  openrouter: {
    name: 'OpenRouter',
    baseUrl: 'https://openrouter.ai/api/v1',
    apiKeyVariable: 'OPENROUTER_API_KEY',
    fetchesImages: true,
  },
  together: {
    name: 'Together',
    baseUrl: 'https://api.together.xyz/v1',
    apiKeyVariable: 'TOGETHER_API_KEY',
    fetchesImages: true,
  },
  vllm: { name: 'vLLM', baseUrl: 'http://localhost:8000/v1', fetchesImages: false },
};
