import type { JsonObject } from '#shared/json.ts';
import type { CallerField } from '../caller-field.ts';
import { dataUrl } from '../data-url.ts';

const partsOf: ReadonlyMap<string, (block: CallerField) => JsonObject[]> = new Map([
  ['text', (block: CallerField) => textParts(block.at('text').string())],
  ['image', (block: CallerField) => [imagePart(block.at('source'))]],
  ['document', (block: CallerField) => documentParts(block)],
  ['search_result', (block: CallerField) => searchResultParts(block)],
]);

/** A text or blocks as OpenAI's parts: texts, images and files. */
export function contentParts(content: CallerField): JsonObject[] {
  if (!content.isGiven) return [];
  if (typeof content.value === 'string') return textParts(content.value);
  return content.items().flatMap(blockParts);
}

export function blockParts(block: CallerField): JsonObject[] {
  const type = block.at('type');
  const parts = partsOf.get(type.string());
  if (!parts) throw type.invalid('cannot be given to this model');
  return parts(block);
}

/** Where only text is possible, as in instructions. */
export function plainText(content: CallerField, separator = '\n\n'): string {
  const parts = contentParts(content);
  if (parts.some(({ type }) => type !== 'text')) throw content.invalid('may hold text only');
  return joinedText(parts, separator);
}

export function joinedText(parts: readonly JsonObject[], separator: string): string {
  return parts.map(({ text }) => text).join(separator);
}

export function textParts(text: string): JsonObject[] {
  return text === '' ? [] : [{ type: 'text', text }];
}

function imagePart(source: CallerField): JsonObject {
  return { type: 'image_url', image_url: { url: sourceUrl(source) } };
}

function sourceUrl(source: CallerField): string {
  const type = source.at('type');
  if (type.value === 'url') return source.at('url').string();
  if (type.value !== 'base64') throw type.invalid('must be base64 or url for this model');
  return dataUrl({ mediaType: source.at('media_type').string(), base64: source.at('data').string() });
}

function documentParts(block: CallerField): JsonObject[] {
  const title = block.at('title').optionalString();
  const source = block.at('source');
  const type = source.at('type');
  if (type.value === 'text') return textParts(titled(title, source.at('data').string()));
  if (type.value === 'content') return [...textParts(title ?? ''), ...contentParts(source.at('content'))];
  if (type.value !== 'base64') throw type.invalid('must be base64, text or content for this model');
  return [{ type: 'file', file: { filename: title ?? 'document.pdf', file_data: sourceUrl(source) } }];
}

function searchResultParts(block: CallerField): JsonObject[] {
  const heading = `${block.at('title').string()} (${block.at('source').string()})`;
  return textParts(titled(heading, plainText(block.at('content'))));
}

function titled(title: string | undefined, text: string): string {
  return title ? `${title}\n\n${text}` : text;
}
