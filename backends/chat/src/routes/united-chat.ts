import { randomUUID } from 'node:crypto';
import type { Hono } from 'hono';
import { unitedChat as contract, type ChatResponseBody } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { streamChunks } from '../gaia-chat/stream-chunks.ts';
import { chatOnce, type ChatServices } from './chat-once.ts';

export function unitedChatRoute(app: Hono<ServiceEnv>, services: ChatServices): void {
  mount(
    app,
    contract,
    async ({ c, body, rawBody }) =>
      await chatOnce(c, services, { rawBody, request: body }, { stream: streamChunks, fields: united }),
  );
}

/** Both vocabularies at once: OpenAI's as the model gave it, and ours. */
function united(fields: ChatResponseBody, completion: { usage?: unknown }): object {
  const { usage } = fields;
  const told = typeof completion.usage === 'object' ? completion.usage : {};
  return {
    id: `chatcmpl-${randomUUID()}`,
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1_000),
    choices: [{ index: 0, message: { role: 'assistant', content: fields.response }, finish_reason: 'stop' }],
    ...completion,
    ...fields,
    usage: { ...told, ...usage, prompt_tokens: usage.input_tokens, completion_tokens: usage.output_tokens },
  };
}
