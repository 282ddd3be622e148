import type { Hono } from 'hono';
import { unitedChat as contract, type ChatResponseBody } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { answerChat, fieldsAgain } from '../gaia-chat/answer-chat.ts';
import { openChat } from '../gaia-chat/open-chat.ts';
import { streamChunks } from '../gaia-chat/stream-chunks.ts';
import { chatOnce, chatStreamOnce, type ChatServices } from './chat-once.ts';

export function unitedChatRoute(app: Hono<ServiceEnv>, services: ChatServices): void {
  const { calls, chats } = services;
  mount(app, contract, async ({ c, body, rawBody }) => {
    if (body.stream) {
      return await chatStreamOnce(c, services, rawBody, async (caller, sink) => {
        await streamChunks(calls, await openChat(chats, caller, body), sink);
      });
    }
    return await chatOnce(c, services, rawBody, async (caller) => {
      const startedAt = performance.now();
      const chat = await openChat(chats, caller, body);
      if (chat.kind === 'answered') return { fields: united({}, fieldsAgain(chat)) };
      const { fields, whole, headers } = await answerChat(calls, chat, startedAt);
      return { fields: united(whole.completion, fields), headers };
    });
  });
}

/** Both vocabularies at once: OpenAI's as the model gave it, and ours. */
function united(completion: object, fields: ChatResponseBody): object {
  const { usage } = fields;
  return {
    id: `chatcmpl-${crypto.randomUUID()}`,
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1_000),
    choices: [{ index: 0, message: { role: 'assistant', content: fields.response }, finish_reason: 'stop' }],
    ...completion,
    ...fields,
    usage: { ...usage, prompt_tokens: usage.input_tokens, completion_tokens: usage.output_tokens },
  };
}
