import type { GuardedFetch } from '#shared/guarded-fetch/guarded-fetch.ts';
import { imageTypes } from '#shared/guarded-fetch/image-type.ts';
import type { JsonObject } from '#shared/json.ts';
import { imageOfDataUrl, inlineImage, invalidImage, type InlineImage } from './data-url.ts';
import { mapImages, type ImagePart } from './image-parts.ts';

export type InlineImagesOptions = { fetch: GuardedFetch; signal: AbortSignal; limits?: ImageLimits };

export type ImageLimits = {
  /** Different URLs that are fetched for one request. */
  maxFetched: number;
  maxImageBytes: number;
  /** Of all that is fetched for one request. */
  maxTotalBytes: number;
  parallel: number;
};

const mebibyte = 1024 * 1024;
export const imageLimits: ImageLimits = {
  maxFetched: 20,
  maxImageBytes: 10 * mebibyte,
  maxTotalBytes: 20 * mebibyte,
  parallel: 4,
};

/** Storages call anything an octet-stream; the bytes decide. */
const contentTypes = [...imageTypes, 'image/jpg', 'application/octet-stream'];

/**
 * For vendors that fetch nothing themselves: gives the body with every image in it, and never touches the one it got.
 * Images that came inside are checked. Rejects with `validation_failed` naming the image.
 */
export async function inlineImages(body: JsonObject, options: InlineImagesOptions): Promise<JsonObject> {
  const limits = options.limits ?? imageLimits;
  const wanted = new Map<string, ImagePart>();
  const checked = mapImages(body, (image) => {
    if (!/^https?:/i.test(image.url)) return checkedInline(image, limits);
    if (!wanted.has(image.url)) wanted.set(image.url, image);
    return undefined;
  });
  if (wanted.size === 0) return checked;
  const [excess] = [...wanted.values()].slice(limits.maxFetched);
  if (excess) throw invalidImage(excess.path, `a request may name at most ${limits.maxFetched} images by URL`);
  const fetched = await fetchAll([...wanted.values()], { ...options, limits });
  return mapImages(checked, ({ url, replace }) => {
    const image = fetched.get(url);
    return image && replace(image.mediaType, image.base64);
  });
}

/** The part itself where its label is right. */
function checkedInline({ url, path, replace }: ImagePart, { maxImageBytes }: ImageLimits): JsonObject | undefined {
  if (!url.startsWith('data:')) throw invalidImage(path, 'must be an http(s) or a data: URL');
  const { mediaType, base64 } = imageOfDataUrl(url, path, maxImageBytes);
  return url.startsWith(`data:${mediaType};`) ? undefined : replace(mediaType, base64);
}

type FetchAllOptions = InlineImagesOptions & { limits: ImageLimits };

/** A few at a time; the first that fails ends them all. */
async function fetchAll(
  images: readonly ImagePart[],
  { fetch, signal, limits }: FetchAllOptions,
): Promise<Map<string, InlineImage>> {
  const fetched = new Map<string, InlineImage>();
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  const queue = images.values();
  let totalBytes = 0;
  const work = async (): Promise<void> => {
    for (const { url, path } of queue) {
      const options = { field: path, maxBytes: limits.maxImageBytes, contentTypes, signal: either };
      const { bytes } = await fetch(url, options);
      totalBytes += bytes.length;
      if (totalBytes > limits.maxTotalBytes) throw tooMuch(path, limits);
      fetched.set(url, inlineImage(bytes, path));
    }
  };
  const workers = Array.from({ length: limits.parallel }, work);
  try {
    await Promise.all(workers);
  } catch (error) {
    failure.abort();
    await Promise.allSettled(workers); // Nothing goes on behind the answer.
    throw error;
  }
  return fetched;
}

function tooMuch(path: string, { maxTotalBytes }: ImageLimits) {
  return invalidImage(path, `the images of a request may have at most ${maxTotalBytes} bytes together`);
}
