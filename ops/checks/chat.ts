import * as z from 'zod';
import {
  chat,
  getChatStatus,
  getModelCard,
  getPersonaCacheStatus,
  listModelCards,
  recommendVrModel,
} from '#shared/contracts/chat.ts';
import type { Check, CheckTarget } from './check.ts';
import { documented } from './documented.ts';
import { expectJson, send } from './http.ts';

const message = 'Hello from the checks';
const Answer = z.object({ response: z.string().min(1), conversation_id: z.string(), model: z.string() });
const Event = z.looseObject({ type: z.string().optional(), conversation_id: z.string().nullish() });
const order = ['start', 'ready', 'model_selection', 'content', 'metadata', 'complete'];

/** What the older clients call most. */
export const chatChecks: readonly Check[] = [
  {
    name: 'chat',
    run: async (target) => {
      const schema = (chat.answers[200]?.schema ?? z.unknown()).pipe(Answer);
      const body = { message, stream: false };
      const { model, conversation_id } = await expectJson(target, '/api/v0.2/chat', { body, schema });
      await forget(target, conversation_id);
      return `answered by ${model}`;
    },
  },
  {
    name: 'stream',
    run: async (target) => {
      const answer = await send(target, '/api/v0.2/chat/stream', { body: { message, activity: 'generic' } });
      const text = await answer.text();
      if (answer.status !== 200 || !text.endsWith('data: [DONE]\n\n')) {
        throw new Error(`${answer.status}: ${text.slice(-300)}`);
      }
      const events = eventsIn(text);
      await forget(target, events[0]?.conversation_id ?? '');
      const types = events.map(({ type }) => type);
      const missing = order.filter((type, index) => types.indexOf(type) <= types.indexOf(order[index - 1] ?? ''));
      if (missing.length > 0) throw new Error(`missing, or not in its place: ${missing.join(', ')}`);
      return `${events.length} events, then [DONE]`;
    },
  },
  documented('status', getChatStatus, '/api/v0.2/chat/stream/status'),
  documented('models', listModelCards),
  {
    name: 'model-info',
    run: async (target) => {
      const models = z.object({ models: z.array(z.object({ id: z.string() })).min(1) });
      const [first] = (await expectJson(target, '/api/v0.2/models', { schema: models })).models;
      return await documented('', getModelCard, `/api/v0.2/models/${first?.id}`).run(target);
    },
  },
  documented('vr', recommendVrModel),
  documented('cache', getPersonaCacheStatus),
];

/** Deletes the history of whoever's key it is: never among those that are run without being asked for. */
export const clearCheck: Check = {
  name: 'clear',
  run: async (target) => {
    const schema = z.object({ deleted_messages: z.int() });
    const cleared = await expectJson(target, '/api/v0.2/chat/stream/history', { method: 'DELETE', schema });
    return `${cleared.deleted_messages} messages deleted`;
  },
};

/** The checks leave nothing behind in the history of their user. */
async function forget(target: CheckTarget, conversationId: string): Promise<void> {
  const { status } = await send(target, `/api/v1/conversations/${conversationId}`, { method: 'DELETE' });
  if (status >= 300) throw new Error(`the conversation of this check could not be deleted: ${status}`);
}

function eventsIn(text: string): z.infer<typeof Event>[] {
  const lines = text.split('\n').filter((line) => line.startsWith('data: {'));
  return lines.map((line) => Event.parse(JSON.parse(line.slice('data: '.length))));
}
