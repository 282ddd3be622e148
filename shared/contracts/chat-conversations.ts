import { z } from '@hono/zod-openapi';
import { contract, noBody, noQuery } from './contract.ts';
import { IdSchema, NextSchema, pageQuery } from './lists.ts';

const common = { service: 'chat', tag: 'Conversations' } as const;
const maxBytes = 16 * 1_024;

const MomentSchema = z.iso.datetime({ offset: true });
const TitleSchema = z
  .string()
  .trim()
  .min(1)
  .max(255)
  .regex(/^\P{Cc}*$/u, 'may hold no control characters');

/** Opaque, unlike the `after` of other lists: the time in it holds a place that its conversation may have left. */
export const ConversationCursorSchema = z.string().regex(/^\d{1,16}\.[0-9a-f-]{36}$/i, 'must be the `next` of a page');

export const Conversation = z
  .object({
    id: IdSchema,
    title: z.string(),
    preview: z.string().nullable().describe('How the first message begins. Null in a conversation without one.'),
    created_at: MomentSchema,
    updated_at: MomentSchema,
  })
  .openapi('Conversation');

export type ConversationAnswer = z.infer<typeof Conversation>;

export const ConversationMessage = z
  .object({
    id: IdSchema,
    role: z.string(),
    content: z.string(),
    model: z.string().nullable(),
    provider: z.string().nullable(),
    tokens_used: z.int().nullable(),
    status: z
      .enum(['pending', 'unanswered', 'completed', 'broken', 'cancelled'])
      .describe(
        'Of a message of yours: pending while it is being answered, unanswered when that failed. Of an answer: broken ' +
          'or cancelled when it is only what had come by then.',
      ),
    created_at: MomentSchema,
  })
  .openapi('ConversationMessage');

export type ConversationMessageAnswer = z.infer<typeof ConversationMessage>;

export const FoundConversation = Conversation.extend({
  snippet: z.string().describe('Plain text around the words that were found. Not HTML: escape it before you show it.'),
  message_id: IdSchema.nullable().describe('The message they stand in. Null: the title.'),
}).openapi('FoundConversation');

const paths = ['/api/v1/conversations', '/api/v0.3/conversations'] as const;

export const listConversations = contract({
  ...common,
  ...noBody,
  operation: 'listConversations',
  method: 'get',
  paths,
  access: 'chat:read',
  summary: 'Your conversations, the last used first',
  query: pageQuery.query.extend({ after: ConversationCursorSchema.optional() }),
  answers: {
    200: {
      description: 'A page',
      schema: z.object({ conversations: z.array(Conversation), next: ConversationCursorSchema.nullable() }),
    },
  },
});

export const createConversation = contract({
  ...common,
  ...noQuery,
  operation: 'createConversation',
  method: 'post',
  paths,
  access: 'chat:write',
  summary: 'Begin a conversation; a message sent with `conversation_id` "new" begins one as well',
  body: { schema: z.strictObject({ title: TitleSchema.optional() }), maxBytes },
  answers: { 201: { description: 'The conversation', schema: Conversation } },
});

export const searchConversations = contract({
  ...common,
  ...noBody,
  operation: 'searchConversations',
  method: 'get',
  paths: ['/api/v1/conversations/search'],
  access: 'chat:read',
  summary: 'Your conversations that hold these words, the best first',
  description:
    'Words are found whole, in titles and in the first 50,000 characters of each message. "in quotes" finds a phrase, ' +
    'a - before a word leaves out what holds it, and "or" finds either. There is one page.',
  query: z.object({
    q: z
      .string()
      .trim()
      .min(1)
      .max(200)
      .regex(/^\P{Cc}*$/u, 'may hold no control characters'),
    limit: z.coerce.number().int().min(1).max(100).default(20),
  }),
  answers: {
    200: { description: 'The best', schema: z.object({ conversations: z.array(FoundConversation), next: z.null() }) },
  },
});

export const getConversation = contract({
  ...common,
  ...noBody,
  ...noQuery,
  operation: 'getConversation',
  method: 'get',
  paths: ['/api/v1/conversations/{id}'],
  access: 'chat:read',
  summary: 'One of your conversations',
  answers: { 200: { description: 'The conversation', schema: Conversation } },
});

export const changeConversation = contract({
  ...common,
  ...noQuery,
  operation: 'changeConversation',
  method: 'patch',
  paths: ['/api/v1/conversations/{id}'],
  access: 'chat:write',
  summary: 'Give a conversation another title',
  body: { schema: z.strictObject({ title: TitleSchema }), maxBytes },
  answers: { 200: { description: 'The conversation as it is now', schema: Conversation } },
});

export const deleteConversation = contract({
  ...common,
  ...noBody,
  ...noQuery,
  operation: 'deleteConversation',
  method: 'delete',
  paths: ['/api/v1/conversations/{id}'],
  access: 'chat:write',
  summary: 'Delete a conversation and all its messages, for good',
  answers: { 204: { description: 'Deleted' } },
});

export const listMessages = contract({
  ...common,
  ...noBody,
  ...pageQuery,
  operation: 'listMessages',
  method: 'get',
  paths: ['/api/v1/conversations/{id}/messages'],
  access: 'chat:read',
  summary: 'The messages of a conversation, newest first',
  answers: {
    200: { description: 'A page', schema: z.object({ messages: z.array(ConversationMessage), next: NextSchema }) },
  },
});
