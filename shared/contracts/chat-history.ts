import { z } from '@hono/zod-openapi';
import { contract, noBody, noQuery } from './contract.ts';

const common = { ...noBody, ...noQuery, service: 'chat', tag: 'Conversations' } as const;

const said = { status: z.string(), message: z.string(), api_version: z.enum(['v0.2', 'v1']) };

export const ChatStatus = z
  .object({
    ...said,
    conversations: z.int(),
    total_messages: z.int(),
    user_messages: z.int(),
    assistant_messages: z.int(),
  })
  .openapi('ChatStatus');

export const ChatNotice = z.object(said).openapi('ChatNotice');

export const PersonaCacheStatus = z
  .object({
    ...said,
    entries: z.int().describe('Of yours that are kept now, in the process that answers'),
    hits: z.int(),
    misses: z.int(),
    hit_rate: z.number().nullable().describe('Null before the first look-up'),
    ttl_seconds: z.int(),
  })
  .openapi('PersonaCacheStatus');

export const getChatStatus = contract({
  ...common,
  operation: 'getChatStatus',
  method: 'get',
  paths: ['/api/v1/chat/status', '/api/v0.2/chat/status', '/api/v0.2/chat/stream/status'],
  access: 'chat:read',
  summary: 'How many conversations and messages you have',
  answers: { 200: { description: 'Counts', schema: ChatStatus } },
});

export const clearHistory = contract({
  ...common,
  operation: 'clearHistory',
  method: 'delete',
  paths: ['/api/v1/chat/history', '/api/v0.2/chat/history', '/api/v0.2/chat/stream/history'],
  access: 'chat:write',
  summary: 'Delete all your messages, for good',
  description:
    'Conversations stay, empty, so that their ids go on working. An answer that is under way is not kept either.',
  answers: { 200: { description: 'Deleted', schema: ChatNotice.extend({ deleted_messages: z.int() }) } },
});

export const reloadPrompt = contract({
  ...common,
  operation: 'reloadPrompt',
  method: 'post',
  paths: ['/api/v1/chat/reload-prompt', '/api/v0.2/chat/reload-prompt'],
  access: 'chat:write',
  summary: 'Read your persona anew at the next message',
  answers: { 200: { description: 'Done', schema: ChatNotice } },
});

export const getPersonaCacheStatus = contract({
  ...common,
  operation: 'getPersonaCacheStatus',
  method: 'get',
  paths: ['/api/v0.2/chat/stream/cache/status'],
  access: 'chat:read',
  summary: 'What is kept of your personas between messages, and how often that helped',
  answers: { 200: { description: 'Measured', schema: PersonaCacheStatus } },
});

export const invalidatePersonaCache = contract({
  ...common,
  operation: 'invalidatePersonaCache',
  method: 'post',
  paths: ['/api/v0.2/chat/stream/cache/invalidate'],
  access: 'chat:write',
  summary: 'Forget what is kept of your personas; nobody else’s is touched',
  answers: { 200: { description: 'Forgotten', schema: ChatNotice.extend({ dropped_entries: z.int() }) } },
});
