import type { Hono } from 'hono';
import { ChatRequest, simpleChat as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { answerChat, fieldsAgain } from '../gaia-chat/answer-chat.ts';
import { openChat } from '../gaia-chat/open-chat.ts';
import { streamSimply } from '../gaia-chat/stream-simply.ts';
import { chatOnce, chatStreamOnce, type ChatServices } from './chat-once.ts';

export function simpleChatRoute(app: Hono<ServiceEnv>, services: ChatServices): void {
  const { calls, chats } = services;
  mount(app, contract, async ({ c, body, rawBody }) => {
    const request = ChatRequest.parse(body);
    if (body.stream) {
      return await chatStreamOnce(c, services, rawBody, async (caller, sink) => {
        await streamSimply(calls, await openChat(chats, caller, request), sink);
      });
    }
    return await chatOnce(c, services, rawBody, async (caller) => {
      const startedAt = performance.now();
      const chat = await openChat(chats, caller, request);
      const { fields, headers = {} } =
        chat.kind === 'answered' ? { fields: fieldsAgain(chat) } : await answerChat(calls, chat, startedAt);
      return { fields: { response: fields.response, conversation_id: fields.conversation_id }, headers };
    });
  });
}
