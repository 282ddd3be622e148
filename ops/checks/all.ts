import * as z from 'zod';
import { ProblemSchema } from '#shared/contracts/problem-schema.ts';
import { chatChecks } from './chat.ts';
import type { Check } from './check.ts';
import { expectJson, send } from './http.ts';
import { performanceChecks, providerChecks, usageChecks } from './measurements.ts';
import { personaChecks } from './personas.ts';

const model = 'local/echo';
const messages = [{ role: 'user', content: 'Hello from the checks' }];

const Health = z.object({
  status: z.enum(['healthy', 'degraded']),
  services: z.record(z.string(), z.object({ status: z.string(), response_time_ms: z.number() })),
  database: z.object({ status: z.literal('connected') }),
  nats: z.object({ status: z.string() }),
});

/** The checks of what every environment must do. Names are those that operators know. */
export const allChecks: readonly Check[] = [
  {
    name: 'health',
    run: async (target) => {
      const health = await expectJson(target, '/health', { anonymous: true, schema: Health });
      return `${health.status}; database ${health.database.status}, NATS ${health.nats.status}`;
    },
  },
  {
    name: 'version',
    run: async (target) => {
      const schema = z.object({ version: z.string(), commit: z.string(), contract: z.int() });
      const { version, commit } = await expectJson(target, '/version', { anonymous: true, schema });
      return `${version} at ${commit}`;
    },
  },
  {
    name: 'openapi',
    run: async (target) => {
      const schema = z.object({ openapi: z.string().startsWith('3.1'), paths: z.record(z.string(), z.unknown()) });
      const { paths } = await expectJson(target, '/openapi.json', { anonymous: true, schema });
      return `${Object.keys(paths).length} paths`;
    },
  },
  {
    name: 'docs',
    run: async (target) => {
      const text = await (await send(target, '/docs', { anonymous: true })).text();
      if (!text.includes('/v1/chat/completions')) throw new Error('the page does not list the API');
      return 'lists the API';
    },
  },
  {
    name: 'auth-required',
    run: async (target) => {
      const problem = { status: 401, schema: ProblemSchema };
      await expectJson(target, '/v1/models', { ...problem, anonymous: true });
      await expectJson({ ...target, apiKey: `${target.apiKey}x` }, '/v1/models', problem);
      await expectJson({ ...target, apiKey: 'gaia-production-0000000000000000' }, '/v1/models', problem);
      return 'no key, a mistyped key and an unknown key are refused';
    },
  },
  {
    name: 'openai-models',
    run: async (target) => {
      const schema = z.object({ object: z.literal('list'), data: z.array(z.object({ id: z.string() })).min(1) });
      return `${(await expectJson(target, '/v1/models', { schema })).data.length} models`;
    },
  },
  {
    name: 'providers',
    run: async (target) => {
      const schema = z.object({
        providers: z.array(z.object({ id: z.string(), status: z.string() })),
        total_providers: z.int(),
      });
      const { providers } = await expectJson(target, '/api/v0.2/providers', { schema });
      return providers.map(({ id, status }) => `${id} ${status}`).join(', ');
    },
  },
  {
    name: 'assets-test',
    run: async (target) => {
      const schema = z.object({ status: z.literal('ok'), service: z.literal('asset') });
      return (await expectJson(target, '/api/v1/assets/test', { anonymous: true, schema })).status;
    },
  },
  {
    name: 'openai-chat',
    run: async (target) => {
      const schema = z.object({
        choices: z.array(z.object({ message: z.object({ content: z.string().min(1) }) })).min(1),
        usage: z.object({ total_tokens: z.int().positive() }),
      });
      const answer = await expectJson(target, '/v1/chat/completions', { body: { model, messages }, schema });
      return `${answer.usage.total_tokens} tokens`;
    },
  },
  {
    name: 'openai-stream',
    run: async (target) => {
      const answer = await send(target, '/v1/chat/completions', { body: { model, messages, stream: true } });
      const text = await answer.text();
      if (answer.status !== 200 || !text.endsWith('data: [DONE]\n\n'))
        throw new Error(`${answer.status}: ${text.slice(-300)}`);
      return `${text.split('\n\n').length - 2} events, then [DONE]`;
    },
  },
  {
    name: 'bad-input',
    run: async (target) => {
      const body = { model, messages: 'none' };
      const { errors } = await expectJson(target, '/v1/chat/completions', { body, status: 422, schema: ProblemSchema });
      return `422 naming ${errors?.[0]?.path}`;
    },
  },
  ...chatChecks,
  ...providerChecks,
  ...personaChecks,
  ...usageChecks,
  ...performanceChecks,
];
