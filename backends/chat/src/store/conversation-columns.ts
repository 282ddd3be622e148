import { conversations } from '#shared/db/schema.ts';

export const conversationColumns = {
  id: conversations.id,
  title: conversations.title,
  preview: conversations.preview,
  createdAt: conversations.createdAt,
  updatedAt: conversations.updatedAt,
};
