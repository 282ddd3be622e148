import type { Hono } from 'hono';
import { chat as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { answerChat, fieldsAgain } from '../gaia-chat/answer-chat.ts';
import { streamChunks } from '../gaia-chat/stream-chunks.ts';
import { chatOnce, chatStreamOnce, type ChatServices } from './chat-once.ts';

export function chatRoute(app: Hono<ServiceEnv>, services: ChatServices): void {
  const { calls } = services;
  mount(app, contract, async ({ c, body, rawBody }) => {
    if (body.stream) {
      return await chatStreamOnce(c, services, { rawBody, request: body }, async (chat, sink) => {
        await streamChunks(calls, chat, sink);
      });
    }
    return await chatOnce(c, services, { rawBody, request: body }, async (chat, startedAt) =>
      chat.kind === 'answered' ? { fields: fieldsAgain(chat) } : await answerChat(calls, chat, startedAt),
    );
  });
}
