import { isObject, type JsonObject } from '#shared/json.ts';

/** One image of a request, wherever a protocol keeps it. */
export type ImagePart = {
  /** Where it stands in the body, as errors name it. */
  path: string;
  /** An http(s) or data: URL, or what somebody wrote in its place. */
  url: string;
  /** The part with this image instead. */
  replace: (mediaType: string, base64: string) => JsonObject;
};

type Visit = (image: ImagePart) => JsonObject | undefined;

/**
 * Shows `visit` every image in a chat-completions, responses or messages body, in order, and gives the body with those
 * that it replaced; the very same body where it replaced none. What the caller's tools were given is not looked into.
 */
export function mapImages(body: JsonObject, visit: Visit): JsonObject {
  return mapLists(body, ['messages', 'input'], '', (message, path) => mapNested(message, path, visit));
}

/** `content` holds the parts of messages and of Anthropic's tool results, `output` those of OpenAI's. */
function mapNested(owner: JsonObject, path: string, visit: Visit): JsonObject {
  return mapLists(owner, ['content', 'output'], `${path}.`, (part, path) => mapPart(part, path, visit));
}

type MapItem = (item: JsonObject, path: string) => JsonObject;

function mapLists(owner: JsonObject, names: readonly string[], prefix: string, map: MapItem): JsonObject {
  const changed = names
    .map((name): [string, unknown] => [name, mapItems(owner[name], `${prefix}${name}`, map)])
    .filter(([name, list]) => list !== owner[name]);
  return changed.length === 0 ? owner : { ...owner, ...Object.fromEntries(changed) };
}

function mapPart(part: JsonObject, path: string, visit: Visit): JsonObject {
  const image = imageOf(part, path);
  if (image) return visit(image) ?? part;
  return part['type'] === 'tool_use' ? part : mapNested(part, path, visit);
}

function mapItems(list: unknown, path: string, map: MapItem): unknown {
  if (!Array.isArray(list)) return list;
  const items: readonly unknown[] = list;
  const mapped = items.map((item, index) => (isObject(item) ? map(item, `${path}.${index}`) : item));
  return mapped.some((item, index) => item !== items[index]) ? mapped : list;
}

function imageOf(part: JsonObject, path: string): ImagePart | undefined {
  switch (part['type']) {
    case 'image_url':
      return chatImage(part, path);
    case 'input_image':
      return responsesImage(part, path);
    case 'image':
      return messagesImage(part, path);
    default:
      return undefined;
  }
}

function chatImage(part: JsonObject, path: string): ImagePart | undefined {
  const image = part['image_url'];
  if (!isObject(image) || typeof image['url'] !== 'string') return undefined;
  return {
    path: `${path}.image_url.url`,
    url: image['url'],
    replace: (mediaType, base64) => ({ ...part, image_url: { ...image, url: dataUrl(mediaType, base64) } }),
  };
}

function responsesImage(part: JsonObject, path: string): ImagePart | undefined {
  if (typeof part['image_url'] !== 'string') return undefined;
  return {
    path: `${path}.image_url`,
    url: part['image_url'],
    replace: (mediaType, base64) => ({ ...part, image_url: dataUrl(mediaType, base64) }),
  };
}

function messagesImage(part: JsonObject, path: string): ImagePart | undefined {
  const { source } = part;
  if (!isObject(source)) return undefined;
  const replace: ImagePart['replace'] = (mediaType, base64) => ({
    ...part,
    source: { type: 'base64', media_type: mediaType, data: base64 },
  });
  if (source['type'] === 'url' && typeof source['url'] === 'string') {
    return { path: `${path}.source.url`, url: source['url'], replace };
  }
  if (source['type'] !== 'base64' || typeof source['data'] !== 'string') return undefined;
  return { path: `${path}.source.data`, url: dataUrl(String(source['media_type']), source['data']), replace };
}

function dataUrl(mediaType: string, base64: string): string {
  return `data:${mediaType};base64,${base64}`;
}
