import type { JsonObject } from '#shared/json.ts';
import type { CallerField } from '../caller-field.ts';
import { base64DataOf, isWebUrl } from '../data-url.ts';

const imageTypes = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

const blockOf: ReadonlyMap<string, (part: CallerField) => JsonObject[]> = new Map([
  ['text', (part: CallerField) => textBlocks(part.at('text').string(), part)],
  ['refusal', (part: CallerField) => textBlocks(part.at('refusal').string(), part)],
  ['image_url', (part: CallerField) => [imageBlock(part)]],
  ['file', (part: CallerField) => [documentBlock(part)]],
]);

/** The blocks of a message's content: a text, parts, or nothing. Anthropic refuses blank texts, so they are left out. */
export function contentBlocks(content: CallerField): JsonObject[] {
  if (!content.isGiven) return [];
  if (typeof content.value === 'string') return textBlocks(content.value);
  return content.items().flatMap((part) => {
    const type = part.at('type');
    const blocks = blockOf.get(type.string());
    if (!blocks) throw type.invalid('cannot be given to this model');
    return blocks(part);
  });
}

/** For the places that take text only: instructions and what the assistant said. */
export function textOnlyBlocks(content: CallerField): JsonObject[] {
  const blocks = contentBlocks(content);
  if (blocks.some(({ type }) => type !== 'text')) throw content.invalid('may hold text only');
  return blocks;
}

function textBlocks(text: string, part?: CallerField): JsonObject[] {
  return text.trim() === '' ? [] : [{ type: 'text', text, ...(part && cacheControl(part)) }];
}

function imageBlock(part: CallerField): JsonObject {
  const url = part.at('image_url').at('url');
  return { type: 'image', source: imageSource(url), ...cacheControl(part) };
}

function imageSource(url: CallerField): JsonObject {
  const text = url.string();
  const data = base64DataOf(text);
  if (!data) {
    if (!isWebUrl(text)) throw url.invalid('must be a data: URL in base64 or an http(s) URL');
    return { type: 'url', url: text };
  }
  if (!imageTypes.has(data.mediaType)) throw url.invalid('must be a JPEG, PNG, GIF or WebP image');
  return { type: 'base64', media_type: data.mediaType, data: data.base64 };
}

function documentBlock(part: CallerField): JsonObject {
  const file = part.at('file');
  if (file.at('file_id').isGiven)
    throw file.at('file_id').invalid('names a file that this model’s provider cannot read');
  const title = file.at('filename').optionalString();
  return {
    type: 'document',
    source: documentSource(file.at('file_data')),
    ...(title && { title }),
    ...cacheControl(part),
  };
}

function documentSource(fileData: CallerField): JsonObject {
  const data = base64DataOf(fileData.string());
  if (data?.mediaType === 'application/pdf') {
    return { type: 'base64', media_type: 'application/pdf', data: data.base64 };
  }
  if (data?.mediaType === 'text/plain') {
    return { type: 'text', media_type: 'text/plain', data: Buffer.from(data.base64, 'base64').toString('utf8') };
  }
  throw fileData.invalid('must be a data: URL in base64 of a PDF or of plain text');
}

/** Not of OpenAI, but what OpenAI clients send to have Claude's prompts cached. */
export function cacheControl(field: CallerField): JsonObject {
  const control = field.at('cache_control');
  return control.isGiven ? { cache_control: control.object() } : {};
}
