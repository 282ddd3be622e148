import Anthropic from '@anthropic-ai/sdk';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import {
  claude,
  drained,
  gpt,
  pixel,
  said,
  startVendorStack,
  stopInTheMiddle,
  streamBreaks,
  weather,
  weatherSchema,
  workAfterAbort,
  type VendorStack,
} from '../support/vendor-stack.ts';

let vendors: VendorStack;
beforeAll(async () => {
  vendors = await startVendorStack();
});
afterAll(async () => await vendors.stop());
beforeEach(async () => await vendors.reset());

const tool = { name: 'weather', description: 'x', input_schema: weatherSchema };

describe.each([claude, gpt])('Anthropic’s SDK with %s', (model) => {
  const request = { model, max_tokens: 100, messages: said };

  it('creates a message, with what it used', async () => {
    const message = await vendors.anthropic.messages.create(request);
    expect(message.content).toMatchObject([{ type: 'text', text: 'Hello, world!' }]);
    expect(message).toMatchObject({ stop_reason: 'end_turn', usage: { input_tokens: 9, output_tokens: 4 } });
  });

  it('streams a message', async () => {
    const stream = vendors.anthropic.messages.stream(request);
    const texts: string[] = [];
    stream.on('text', (text) => void texts.push(text));
    const message = await stream.finalMessage();
    expect(texts.join('')).toBe('Hello, world!');
    expect(message).toMatchObject({ stop_reason: 'end_turn', usage: { output_tokens: 4 } });
  });

  it('calls tools, at once and streamed, and hands their results back', async () => {
    vendors.vendorOf(model).next({ toolCalls: [weather] }, { toolCalls: [weather] });
    const message = await vendors.anthropic.messages.create({ ...request, tools: [tool] });
    const use = { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Köln' } };
    expect(message.stop_reason).toBe('tool_use');
    expect(message.content).toMatchObject([use]);
    const streamed = await vendors.anthropic.messages.stream({ ...request, tools: [tool] }).finalMessage();
    expect(streamed.content).toMatchObject([use]);
    await vendors.anthropic.messages.create({
      ...request,
      tools: [tool],
      messages: [
        ...said,
        { role: 'assistant', content: message.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: 'rain' }] },
      ],
    });
    expect(JSON.stringify(vendors.lastBody(model))).toContain('rain');
  });

  it('shows pictures', async () => {
    const source = { type: 'base64' as const, media_type: 'image/png' as const, data: pixel };
    await vendors.anthropic.messages.create({
      ...request,
      messages: [{ role: 'user', content: [{ type: 'image', source }] }],
    });
    expect(JSON.stringify(vendors.lastBody(model))).toContain(pixel);
  });

  it('gets structured output', async () => {
    vendors.vendorOf(model).next({ text: ['{"city":', '"Köln"}'] });
    const format = zodOutputFormat(z.object({ city: z.string() }));
    const message = await vendors.anthropic.messages.parse({ ...request, output_config: { format } });
    expect(message.parsed_output).toEqual({ city: 'Köln' });
    expect(JSON.stringify(vendors.lastBody(model))).toContain('"json_schema"');
  });

  it('retries by itself what it may', async () => {
    vendors.vendorOf(model).next({ status: 503 });
    const message = await vendors.anthropic.messages.create(request, { maxRetries: 2 });
    expect(message.content).toMatchObject([{ text: 'Hello, world!' }]);
    expect(vendors.vendorOf(model).requests).toHaveLength(2);
  });

  it('counts tokens', async () => {
    const count = await vendors.anthropic.messages.countTokens({ model, messages: said });
    expect(count.input_tokens).toBeGreaterThan(0);
  });

  it('passes a temperature on, which its types do not know', async () => {
    const warm = { ...request, temperature: 0.3 };
    await vendors.anthropic.messages.create(warm);
    expect(vendors.lastBody(model)).toMatchObject({ temperature: 0.3 });
  });

  it.each<[number, new (...args: never[]) => Error]>([
    [400, Anthropic.BadRequestError],
    [429, Anthropic.RateLimitError],
    [500, Anthropic.InternalServerError],
    [529, Anthropic.InternalServerError],
  ])('throws the right error for the vendor’s %i', async (status, type) => {
    vendors.vendorOf(model).next({ status });
    await expect(vendors.anthropic.messages.create(request)).rejects.toBeInstanceOf(type);
  });

  it('ends the call at the vendor within a second when it is aborted', async () => {
    const ms = await workAfterAbort(vendors.vendorOf(model), async () => {
      const stream = vendors.anthropic.messages.stream(request);
      stream.done().catch(() => undefined);
      await new Promise<void>((resolve) => void stream.once('text', () => resolve()));
      return () => stream.abort();
    });
    expect(ms).toBeLessThan(1_000);
  });

  it.each(streamBreaks)('never takes a stream that broke (%s) for a finished one', async (kind) => {
    stopInTheMiddle(vendors.vendorOf(model), kind);
    const message = vendors.anthropic.messages.create({ ...request, stream: true });
    await expect(drained(message)).rejects.toBeInstanceOf(Anthropic.APIError);
  });
});

describe('what only one vendor has', () => {
  it('embeds texts', async () => {
    const { data, usage } = await vendors.openai.embeddings.create({
      model: 'text-embedding-3-small',
      input: ['a', 'b'],
    });
    expect(data).toHaveLength(2);
    expect(data[0]?.embedding.length).toBeGreaterThan(0);
    expect(usage.prompt_tokens).toBeGreaterThan(0);
  });

  it('says so where a model cannot embed', async () => {
    const refused = vendors.openai.embeddings.create({ model: claude, input: 'a' });
    await expect(refused).rejects.toMatchObject({ status: 422, param: 'model' });
  });

  it('lists models for both SDKs', async () => {
    const ids = (await vendors.openai.models.list()).data.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining([gpt, claude]));
    expect((await vendors.anthropic.models.list()).data.map(({ id }) => id)).toEqual(ids);
    expect((await vendors.openai.models.retrieve(gpt)).owned_by).toBe('openai');
    expect((await vendors.anthropic.models.retrieve(claude)).display_name).toContain('Claude');
  });

  it('knows each vendor’s older or qualified names', async () => {
    const names = [`openai/${gpt}`, `anthropic/${claude}`, `claude/${claude}`];
    for (const model of names) {
      const completion = await vendors.openai.chat.completions.create({ model, messages: said });
      expect(completion.choices[0]?.message.content).toBe('Hello, world!');
    }
  });

  it('passes Anthropic’s beta headers on, and our own key to nobody', async () => {
    await vendors.anthropic.beta.messages.create({
      model: claude,
      max_tokens: 10,
      messages: said,
      betas: ['context-1m-2025-08-07'],
    });
    const headers = vendors.vendorOf(claude).requests.at(-1)?.headers ?? {};
    expect(headers['anthropic-beta']).toContain('context-1m-2025-08-07');
    expect(JSON.stringify(headers)).not.toContain(vendors.stack.key);
  });
});
