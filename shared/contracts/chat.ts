export * from './chat-api.ts';
export * from './chat-completions.ts';
export * from './chat-embeddings.ts';
export * from './chat-messages.ts';
export * from './chat-models.ts';
export * from './chat-responses.ts';
