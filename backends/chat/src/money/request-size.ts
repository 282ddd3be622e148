import { isObject, type JsonObject } from '#shared/json.ts';
import type { Protocol } from '../protocols/protocol.ts';

/** What of a request decides how much it can cost. */
export type RequestSize = {
  /** More tokens than the text of the input can have. */
  textTokens: number;
  images: number;
  /**
   * Whether the vendor adds input that nobody here can measure: a document, what it remembers of a conversation, what
   * its own tools find. Then only the model's context is a bound.
   */
  isOpenEnded: boolean;
  /** What the caller said that one answer has at most. */
  maxOutput: number | null;
  /** How many answers were asked for. */
  choices: number;
};

/** What vendors put around messages and tools, in tokens: role marks, and the prompt that explains tools to a model. */
const overhead = { request: 64, message: 8, tools: 2_048 };

const outputFields: Record<Protocol, readonly string[]> = {
  'chat-completions': ['max_completion_tokens', 'max_tokens'],
  responses: ['max_output_tokens'],
  messages: ['max_tokens'],
  embeddings: [],
  'count-tokens': [],
};

/** Fields with which a vendor takes input from elsewhere. */
const elsewhere = ['previous_response_id', 'conversation', 'prompt', 'container', 'mcp_servers', 'web_search_options'];

/**
 * Measures a request without a tokenizer: none makes more tokens than the text has bytes, and JSON only lengthens it.
 * Images in base64 are taken out, because vendors count them by their size in pixels. Only where vendors look for
 * images: the same shape anywhere else is text, and is counted as text.
 */
export function sizeOf(protocol: Protocol, body: JsonObject, bodyBytes: number): RequestSize {
  if (protocol === 'count-tokens') return costsNothing;
  const { images, pictureBytes, hasDocument } = partsOf(body);
  const messages = listOf(body['messages']).length + listOf(body['input']).length;
  const tools = listOf(body['tools']);
  return {
    textTokens:
      Math.max(bodyBytes - pictureBytes, 0) +
      overhead.request +
      overhead.message * messages +
      (tools.length > 0 || listOf(body['functions']).length > 0 ? overhead.tools : 0),
    images,
    isOpenEnded: hasDocument || tools.some(isHosted) || elsewhere.some((field) => isGiven(body[field])),
    maxOutput: maxOutputOf(protocol, body),
    choices: protocol === 'chat-completions' ? Math.max(numberOf(body['n']) ?? 1, 1) : 1,
  };
}

/** Vendors count tokens for free. */
const costsNothing: RequestSize = { textTokens: 0, images: 0, isOpenEnded: false, maxOutput: 0, choices: 1 };

function maxOutputOf(protocol: Protocol, body: JsonObject): number | null {
  if (protocol === 'embeddings') return 0;
  let most: number | null = null;
  for (const field of outputFields[protocol]) {
    const given = numberOf(body[field]);
    if (given !== undefined) most = Math.max(most ?? 0, given);
  }
  return most;
}

type Parts = { images: number; pictureBytes: number; hasDocument: boolean };

/** What the parts of all messages in all three protocols are, and those inside of tool results. */
function partsOf(body: JsonObject): Parts {
  const parts: Parts = { images: 0, pictureBytes: 0, hasDocument: false };
  for (const list of ['messages', 'input', 'system']) {
    for (const message of listOf(body[list])) addNested(parts, message, 2);
  }
  return parts;
}

function addNested(parts: Parts, part: JsonObject, depth: number): void {
  parts.hasDocument ||= documents.has(part['type']);
  if (isImage(part)) {
    parts.images += 1;
    parts.pictureBytes += base64LengthOf(part);
  }
  if (depth === 0) return;
  for (const nested of listOf(part['content'])) addNested(parts, nested, depth - 1);
  if (depth === 2) for (const nested of listOf(part['output'])) addNested(parts, nested, 0);
}

function isImage({ type }: JsonObject): boolean {
  return type === 'image' || type === 'image_url' || type === 'input_image';
}

const documents: ReadonlySet<unknown> = new Set([
  'file',
  'input_file',
  'document',
  'container_upload',
  'item_reference',
]);

/** Tools that a vendor knows by name and the caller runs: what they give comes with the next request. */
const callersTools = /^(?:function|custom|bash|text_editor|computer|memory|local_shell|apply_patch)(?:_|$)/;

/** Whether a tool runs at the vendor: it is neither one of those nor described by the caller. */
function isHosted({ type, name, input_schema: schema, function: described }: JsonObject): boolean {
  if (typeof type === 'string' && callersTools.test(type)) return false;
  return !isGiven(described) && !(isGiven(name) && isGiven(schema));
}

function base64LengthOf({ image_url: url, source }: JsonObject): number {
  const text = isObject(url) ? url['url'] : url;
  if (typeof text === 'string') return text.startsWith('data:') ? text.length : 0;
  const data = isObject(source) && source['type'] === 'base64' ? source['data'] : undefined;
  return typeof data === 'string' ? data.length : 0;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? Math.max(value, 0) : undefined;
}

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : nothing;
}

const nothing: readonly JsonObject[] = [];

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}
