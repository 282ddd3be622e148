import type { JsonObject } from '#shared/json.ts';
import { CallerField } from './caller-field.ts';

/** English has about four characters to a token; UTF-8 bytes make scripts that cost more count for more. */
const bytesPerToken = 4;
/** Anthropic's figure for an image as large as it is looked at (1.15 megapixels); smaller ones cost less. */
const tokensPerImage = 1_600;
/** About a page; what is inside a file nobody has looked at. */
const tokensPerDocument = 3_000;
/** For the role and the marks around every message or tool. */
const tokensPerFrame = 4;

/**
 * The answer to Anthropic's count_tokens where the vendor cannot count: an estimate from the length of the texts, the
 * names and schemas of the tools, and the number of images. For budgets and warnings, not for the last token of a window.
 */
export function estimatedTokenCount(body: JsonObject): { input_tokens: number } {
  const request = new CallerField(body);
  const messages = request.at('messages').items();
  const tools = request.at('tools').optionalItems();
  const texts =
    contentTokens(request.at('system')) + sum(messages.map((message) => contentTokens(message.at('content'))));
  const definitions = sum(tools.map((tool) => textTokens(JSON.stringify(tool.object()))));
  return { input_tokens: Math.ceil(texts + definitions + tokensPerFrame * (messages.length + tools.length)) };
}

function contentTokens(content: CallerField): number {
  if (!content.isGiven) return 0;
  if (typeof content.value === 'string') return textTokens(content.value);
  return sum(content.items().map(blockTokens));
}

function blockTokens(block: CallerField): number {
  const type = block.at('type').string();
  if (type === 'text') return textTokens(block.at('text').string());
  if (type === 'image') return tokensPerImage;
  if (type === 'document') return documentTokens(block.at('source'));
  if (type === 'tool_result') return contentTokens(block.at('content'));
  return textTokens(JSON.stringify(block.object()));
}

function documentTokens(source: CallerField): number {
  const type = source.at('type').value;
  if (type === 'text') return textTokens(source.at('data').string());
  return type === 'content' ? contentTokens(source.at('content')) : tokensPerDocument;
}

function textTokens(text: string): number {
  return Buffer.byteLength(text) / bytesPerToken;
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
