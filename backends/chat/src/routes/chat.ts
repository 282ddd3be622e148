import type { Hono } from 'hono';
import { chat as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { answerChat, fieldsAgain } from '../gaia-chat/answer-chat.ts';
import { openChat } from '../gaia-chat/open-chat.ts';
import { streamChunks } from '../gaia-chat/stream-chunks.ts';
import { chatOnce, chatStreamOnce, type ChatServices } from './chat-once.ts';

export function chatRoute(app: Hono<ServiceEnv>, services: ChatServices): void {
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
      return chat.kind === 'answered' ? { fields: fieldsAgain(chat) } : await answerChat(calls, chat, startedAt);
    });
  });
}
