import type { Contract } from './contract.ts';
import { createChatCompletion } from './chat-completions.ts';
import { getApiHealth, getApiRoot } from './chat-api.ts';
import { getModel, listModelCards, listModels, listProviders } from './chat-models.ts';

export * from './chat-api.ts';
export * from './chat-completions.ts';
export * from './chat-models.ts';

/** Every operation of the chat backend. */
export const chatContracts: readonly Contract[] = [
  createChatCompletion,
  listModels,
  getModel,
  listProviders,
  listModelCards,
  getApiRoot,
  getApiHealth,
];
