/** A message in OpenAI's shape, as far as its size and its place in a turn go. */
export type WindowMessage = {
  role: string;
  content?: unknown;
  tool_calls?: unknown;
};

export type WindowOptions = {
  /** The prompt that stands before everything else, if there is one. */
  system: string | null;
  /** What all of it may be, by the estimate below. */
  maxTokens: number;
};

type SystemMessage = { role: 'system'; content: string };

/**
 * The newest messages that fit, in whole turns: a turn is what follows a user's message until the next one, so that a
 * call of a tool and its result stay together. Always kept, whatever their size: the prompt, instructions (`system` and
 * `developer`), and the last turn.
 */
export function windowOf<T extends WindowMessage>(
  messages: readonly T[],
  { system, maxTokens }: WindowOptions,
): (T | SystemMessage)[] {
  const prompt: SystemMessage[] = system === null || system === '' ? [] : [{ role: 'system', content: system }];
  const turns = turnsOf(messages);
  const instructions = messages.filter(isInstruction);
  let left = maxTokens - tokensOf([...prompt, ...instructions]);
  const kept = new Set<T>(instructions);
  for (const [age, turn] of turns.toReversed().entries()) {
    left -= tokensOf(turn);
    if (left < 0 && age > 0) break;
    for (const message of turn) kept.add(message);
  }
  return [...prompt, ...messages.filter((message) => kept.has(message))];
}

/** About four bytes of text to a token. Vendors count differently; nothing is charged by this. */
export function estimatedTokens(message: WindowMessage): number {
  return perMessage + contentTokens(message.content) + (message.tool_calls ? textTokens(json(message.tool_calls)) : 0);
}

const perMessage = 4;
const bytesPerToken = 4;
/** What the larger vendors count for a picture of full detail, or a little more. */
const perImage = 1_600;
const pictures = new Set(['image_url', 'input_image', 'image']);

function turnsOf<T extends WindowMessage>(messages: readonly T[]): T[][] {
  const turns: T[][] = [];
  for (const message of messages) {
    if (isInstruction(message)) continue;
    const current = turns.at(-1);
    if (current === undefined || beginsTurn(message)) turns.push([message]);
    else current.push(message);
  }
  return turns;
}

function isInstruction({ role }: WindowMessage): boolean {
  return role === 'system' || role === 'developer';
}

/** In Anthropic's shape the results of tools come as a user's message, and belong to the calls before them. */
function beginsTurn({ role, content }: WindowMessage): boolean {
  if (role !== 'user') return false;
  return !Array.isArray(content) || !content.some((part) => typeOf(part) === 'tool_result');
}

function tokensOf(messages: readonly WindowMessage[]): number {
  return messages.reduce((sum, message) => sum + estimatedTokens(message), 0);
}

function contentTokens(content: unknown): number {
  if (typeof content === 'string') return textTokens(content);
  if (!Array.isArray(content)) return content === null || content === undefined ? 0 : textTokens(json(content));
  return content.reduce<number>((sum, part) => sum + partTokens(part), 0);
}

function partTokens(part: unknown): number {
  if (pictures.has(typeOf(part))) return perImage;
  return textTokens(typeof part === 'string' ? part : json(part));
}

function typeOf(part: unknown): string {
  return typeof part === 'object' && part !== null && 'type' in part && typeof part.type === 'string' ? part.type : '';
}

function textTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / bytesPerToken);
}

function json(value: unknown): string {
  return JSON.stringify(value) ?? '';
}
