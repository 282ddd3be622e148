import { randomUUID } from 'node:crypto';
import type { Principal, UserPrincipal } from '#shared/identity/principal.ts';
import { contractVersion } from '#shared/contract-version.ts';
import type { ChatProvider } from '../completion/chat-provider.ts';
import { unknownCard, type ModelCard } from '../completion/model-card.ts';
import { createLocalProvider } from '../providers/index.ts';
import { createTestChat, type TestChat, type TestChatOptions } from './chat-app.ts';

/** A provider of the local stand-in’s answers that lists these models. */
export function standIn(
  id: string,
  cards: readonly Partial<ModelCard>[],
  traits: Partial<ChatProvider> = {},
): ChatProvider {
  const models = cards.map((card) => ({ ...unknownCard(card.id ?? 'echo'), ...card }));
  const find = (model: string): ModelCard | undefined => models.find((card) => card.id === model);
  const { check: _none, findUnlisted: _others, ...local } = createLocalProvider();
  return { ...local, id, name: id, isStandIn: false, answersBareIds: true, models, find, ...traits };
}

export type ModelChat = TestChat & {
  /** The body of the answer, whose status must be 200. */
  get: (path: string, init?: RequestInit) => Promise<unknown>;
  request: (path: string, init?: RequestInit) => Promise<Response>;
  /** The same app for somebody else. */
  as: (principal: Partial<UserPrincipal>) => Pick<ModelChat, 'get' | 'request'>;
};

/** The app with these providers, called by a user who may read. */
export function modelChat(options: TestChatOptions): ModelChat {
  const principals = new Map<string, Principal>();
  const verifyAssertion = async (assertion: string) => principals.get(assertion) ?? null;
  const chat = createTestChat({ ...options, verifyAssertion });
  const as = (change: Partial<UserPrincipal>): Pick<ModelChat, 'get' | 'request'> => {
    const assertion = randomUUID();
    principals.set(assertion, { ...reader, ...change });
    const headers = { 'x-gaia-assertion': assertion, 'x-gaia-contract': String(contractVersion), ...json };
    const request = async (path: string, init: RequestInit = {}) => await chat.app.request(path, { headers, ...init });
    return { request, get: async (path, init) => await answerOf(await request(path, init)) };
  };
  return { ...chat, ...as({}), as };
}

const reader: UserPrincipal = { kind: 'user', userId: 'u1', keyId: 'k1', scopes: ['chat:read'], limits: {} };
const json = { 'content-type': 'application/json' };

async function answerOf(response: Response): Promise<unknown> {
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  return await response.json();
}
