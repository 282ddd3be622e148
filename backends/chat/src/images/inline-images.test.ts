import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { FetchOptions, GuardedFetch } from '#shared/guarded-fetch/guarded-fetch.ts';
import { AppError } from '#shared/http/error.ts';
import type { JsonObject } from '#shared/json.ts';
import { imageLimits, inlineImages, type ImageLimits } from './inline-images.ts';

const png = Buffer.from('\x89PNG\r\n\x1a\nrest', 'latin1');
const jpeg = Buffer.from('\xff\xd8\xff\xe0rest', 'latin1');
const pngUrl = `data:image/png;base64,${png.toString('base64')}`;
const there = 'https://pictures.example.com/a.png';
const text = { type: 'text', text: 'look' };

const chat = (url: unknown): JsonObject => ({
  model: 'm',
  messages: [
    { role: 'system', content: 'see' },
    { role: 'user', content: [text, { type: 'image_url', image_url: { url, detail: 'low' } }] },
  ],
});
const anthropic = (...parts: unknown[]): JsonObject => ({ model: 'm', messages: [{ role: 'user', content: parts }] });

describe('an image by URL', () => {
  it('goes into a chat-completions body, and nothing else changes', async () => {
    const body = chat(there);
    const before = structuredClone(body);
    const { inline, fetched } = fetching({ [there]: png });
    expect(await inline(body)).toEqual(chat(pngUrl));
    expect(body).toEqual(before);
    expect(fetched).toEqual([{ url: there, field: 'messages.1.content.1.image_url.url', maxBytes: 10 * 1024 * 1024 }]);
  });

  it('goes into a responses body, among messages and in what a tool gave', async () => {
    const body = (image_url: string): JsonObject => ({
      input: [
        { role: 'user', content: [{ type: 'input_image', image_url }] },
        { type: 'function_call_output', call_id: '1', output: [{ type: 'input_image', image_url, detail: 'high' }] },
      ],
    });
    const { inline, fetched } = fetching({ [there]: png });
    expect(await inline(body(there))).toEqual(body(pngUrl));
    expect(fetched).toHaveLength(1);
  });

  it('goes into a messages body as a base64 source, in tool results too, and its bytes name the type', async () => {
    const image = { type: 'image', source: { type: 'url', url: there }, cache_control: { type: 'ephemeral' } };
    const { inline } = fetching({ [there]: jpeg });
    const source = { type: 'base64', media_type: 'image/jpeg', data: jpeg.toString('base64') };
    expect(await inline(anthropic(text, image, { type: 'tool_result', tool_use_id: 't', content: [image] }))).toEqual(
      anthropic(text, { ...image, source }, { type: 'tool_result', tool_use_id: 't', content: [{ ...image, source }] }),
    );
  });

  it('is left alone where it is the input of a tool, or text', async () => {
    const { inline, fetched } = fetching({});
    const input = { content: [{ type: 'image', source: { type: 'url', url: there } }] };
    const body = anthropic({ type: 'tool_use', id: 't', name: 'x', input, ...input }, { type: 'text', text: there });
    expect(await inline(body)).toBe(body);
    expect(fetched).toEqual([]);
  });

  it('is refused where its bytes are no image, whatever its server calls them', async () => {
    const { inline } = fetching({ [there]: Buffer.from('<svg onload="alert(1)"/>') });
    await expect(inline(chat(there))).rejects.toMatchObject(refusalOf('messages.1.content.1.image_url.url'));
  });

  it('is refused with the error of the fetcher, and ends the other fetches', async () => {
    const { inline, aborted } = fetching({}, { hang: ['https://slow.example.com/'] });
    const slow = { type: 'image', source: { type: 'url', url: 'https://slow.example.com/' } };
    const body = anthropic(slow, { type: 'image', source: { type: 'url', url: 'https://gone.example.com/' } });
    await expect(inline(body)).rejects.toMatchObject(refusalOf('messages.0.content.1.source.url'));
    expect(aborted()).toBe(1);
  });
});

describe('many images', () => {
  const many = (count: number): JsonObject =>
    anthropic(
      ...Array.from({ length: count }, (_, i) => ({ type: 'image', source: { type: 'url', url: `${there}?${i}` } })),
    );
  const answers = Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`${there}?${i}`, png]));

  it('are fetched four at a time, twenty at most', async () => {
    const { inline, fetched, peak } = fetching(answers);
    await inline(many(20));
    expect([fetched.length, peak()]).toEqual([20, 4]);
    await expect(inline(many(21))).rejects.toMatchObject(refusalOf('messages.0.content.20.source.url'));
    expect(fetched).toHaveLength(20);
  });

  it('are refused once they are too large together', async () => {
    const { inline } = fetching(answers, { limits: { maxTotalBytes: png.length * 3 } });
    await expect(inline(many(3))).resolves.toBeDefined();
    await expect(inline(many(4))).rejects.toMatchObject({ code: 'validation_failed' });
  });
});

describe('an image inside the request', () => {
  it('passes as the very body where its label is right', async () => {
    const { inline } = fetching({});
    for (const body of [chat(pngUrl), anthropic({ type: 'image', source: base64('image/png', png) })]) {
      expect(await inline(body)).toBe(body);
    }
  });

  it('gets the label of its bytes where it was wrong', async () => {
    const { inline } = fetching({});
    expect(await inline(chat(`data:text/html;base64,${png.toString('base64')}`))).toEqual(chat(pngUrl));
    expect(await inline(anthropic({ type: 'image', source: base64('image/png', jpeg) }))).toEqual(
      anthropic({ type: 'image', source: base64('image/jpeg', jpeg) }),
    );
  });

  it.each([
    ['no base64', 'data:image/png,%89PNG'],
    ['text', `data:image/png;base64,${Buffer.from('<svg/>').toString('base64')}`],
    ['nothing', 'data:image/png;base64,'],
    ['base64 with spaces', `${pngUrl.slice(0, -4)}\n${pngUrl.slice(-4)}`],
    ['base64 without its end', pngUrl.slice(0, -1)],
    ['base64 of the URL alphabet', `${pngUrl}_-_-`],
    ['base64 with bits to spare', `${pngUrl}QUF=`.replace('QUF=', 'QUG=')],
    ['base64 that goes on after its end', `${pngUrl.replace(/=*$/, '')}====AAAA`],
    ['another scheme', 'file:///etc/passwd'],
    ['no URL', 'x'],
  ])('of %s is refused, naming it', async (_what, url) => {
    await expect(fetching({}).inline(chat(url))).rejects.toMatchObject(refusalOf('messages.1.content.1.image_url.url'));
  });

  it('is refused one byte over its limit', async () => {
    const limits = { maxImageBytes: png.length };
    await expect(fetching({}, { limits }).inline(chat(pngUrl))).resolves.toBeDefined();
    const larger = `data:image/png;base64,${Buffer.concat([png, png]).toString('base64')}`;
    await expect(fetching({}, { limits }).inline(chat(larger))).rejects.toMatchObject({ code: 'validation_failed' });
  });

  it.each([null, 7, {}, [], 'x', { messages: null }, { messages: [null, 1, { content: [null, { type: 'image' }] }] }])(
    'is not looked for where a body is %j',
    async (messages) => {
      const body = { messages, input: messages };
      expect(await fetching({}).inline(body)).toBe(body);
    },
  );
});

function base64(media_type: string, bytes: Buffer) {
  return { type: 'base64', media_type, data: bytes.toString('base64') };
}

function refusalOf(path: string) {
  return { code: 'validation_failed', options: { errors: [expect.objectContaining({ path })] } };
}

type Options = { limits?: Partial<ImageLimits>; hang?: string[] };

/** A fetcher that has these answers, refuses any other URL, and never comes back from those that hang. */
function fetching(answers: Record<string, Buffer>, { limits = {}, hang = [] }: Options = {}) {
  const fetched: unknown[] = [];
  let [running, peak, aborted] = [0, 0, 0];
  const answer = async (url: string, { field, signal }: FetchOptions): Promise<Buffer> => {
    if (hang.includes(url)) {
      await once(signal, 'abort');
      aborted += 1;
    }
    const bytes = answers[url];
    if (bytes) return bytes;
    throw new AppError('validation_failed', 'no', { errors: [{ path: field, message: 'no' }] });
  };
  const fetch: GuardedFetch = async (url, options) => {
    fetched.push({ url, field: options.field, maxBytes: options.maxBytes });
    running += 1;
    peak = Math.max(peak, running);
    await new Promise((resolve) => void setImmediate(resolve));
    running -= 1;
    return { bytes: await answer(url, options), contentType: 'image/png', finalUrl: url };
  };
  const { signal } = new AbortController();
  return {
    fetched,
    peak: () => peak,
    aborted: () => aborted,
    inline: (body: JsonObject) => inlineImages(body, { fetch, signal, limits: { ...imageLimits, ...limits } }),
  };
}
