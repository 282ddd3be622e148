export * from './chat-api.ts';
export * from './chat-completions.ts';
export * from './chat-models.ts';
