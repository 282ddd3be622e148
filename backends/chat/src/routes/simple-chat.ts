import type { Hono } from 'hono';
import { simpleChat as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { answerChat, fieldsAgain } from '../gaia-chat/answer-chat.ts';
import { streamSimply } from '../gaia-chat/stream-simply.ts';
import { chatOnce, chatStreamOnce, type ChatServices } from './chat-once.ts';

export function simpleChatRoute(app: Hono<ServiceEnv>, services: ChatServices): void {
  const { calls } = services;
  mount(app, contract, async ({ c, body, rawBody }) => {
    if (body.stream) {
      return await chatStreamOnce(c, services, { rawBody, request: body }, async (chat, sink) => {
        await streamSimply(calls, chat, sink);
      });
    }
    return await chatOnce(c, services, { rawBody, request: body }, async (chat, startedAt) => {
      if (chat.kind === 'answered') return { fields: simple(fieldsAgain(chat)) };
      const { fields, headers } = await answerChat(calls, chat, startedAt);
      return { fields: simple(fields), headers };
    });
  });
}

function simple({ response, conversation_id }: { response: string; conversation_id: string | null }): object {
  return { response, conversation_id };
}
