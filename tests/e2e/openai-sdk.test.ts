import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
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

const tool = {
  type: 'function' as const,
  function: { name: 'weather', description: 'x', parameters: weatherSchema },
};

describe.each([gpt, claude])('OpenAI’s SDK with %s', (model) => {
  it('creates a completion, with what it used', async () => {
    const completion = await vendors.openai.chat.completions.create({ model, messages: said });
    expect(completion.choices[0]?.message.content).toBe('Hello, world!');
    expect(completion.choices[0]?.finish_reason).toBe('stop');
    expect(completion.usage).toMatchObject({ prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 });
  });

  it('streams a completion, and the usage only where it is asked for', async () => {
    const texts: string[] = [];
    for await (const chunk of await vendors.openai.chat.completions.create({ model, messages: said, stream: true })) {
      expect(chunk.usage ?? null).toBeNull();
      texts.push(chunk.choices[0]?.delta.content ?? '');
    }
    expect(texts.join('')).toBe('Hello, world!');
    const stream = vendors.openai.chat.completions.stream({
      model,
      messages: said,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect((await stream.totalUsage()).total_tokens).toBe(13);
  });

  it('calls tools, at once and streamed, and hands their results back', async () => {
    const request = { model, messages: said, tools: [tool] };
    vendors.vendorOf(model).next({ toolCalls: [weather] }, { toolCalls: [weather] });
    const [choice] = (await vendors.openai.chat.completions.create(request)).choices;
    expect(choice?.finish_reason).toBe('tool_calls');
    const [call] = choice?.message.tool_calls ?? [];
    expect(call).toMatchObject({ id: 'call_1', function: { name: 'weather' } });
    const streamed = await vendors.openai.chat.completions.stream({ ...request, stream: true }).finalChatCompletion();
    expect(JSON.parse(argumentsOf(streamed.choices[0]?.message.tool_calls?.[0]))).toEqual({ city: 'Köln' });
    const next: OpenAI.ChatCompletionMessageParam[] = [
      ...said,
      {
        role: 'assistant',
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Köln"}' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: 'rain' },
    ];
    expect((await vendors.openai.chat.completions.create({ ...request, messages: next })).choices).toHaveLength(1);
    expect(JSON.stringify(vendors.lastBody(model))).toContain('rain');
  });

  it('gets structured output', async () => {
    vendors.vendorOf(model).next({ text: ['{"city":', '"Köln"}'] });
    const completion = await vendors.openai.chat.completions.parse({
      model,
      messages: said,
      response_format: zodResponseFormat(z.object({ city: z.string() }), 'place'),
    });
    expect(completion.choices[0]?.message.parsed).toEqual({ city: 'Köln' });
    expect(JSON.stringify(vendors.lastBody(model))).toContain('"json_schema"');
  });

  it('shows pictures', async () => {
    const content: OpenAI.ChatCompletionContentPart[] = [
      { type: 'text', text: 'what is it?' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } },
    ];
    await vendors.openai.chat.completions.create({ model, messages: [{ role: 'user', content }] });
    expect(JSON.stringify(vendors.lastBody(model))).toContain(pixel);
  });

  it('calls tools in a response', async () => {
    vendors.vendorOf(model).next({ toolCalls: [weather] }, { toolCalls: [weather] });
    const { name, description, parameters } = tool.function;
    const tools = [{ type: 'function' as const, name, description, parameters, strict: false }];
    const call = { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Köln"}' };
    const request = { model, input: 'hello', tools };
    expect((await vendors.openai.responses.create(request)).output).toMatchObject([call]);
    expect((await vendors.openai.responses.stream(request).finalResponse()).output).toMatchObject([call]);
    const input = [
      { type: 'function_call' as const, call_id: 'call_1', name: 'weather', arguments: '{"city":"Köln"}' },
      { type: 'function_call_output' as const, call_id: 'call_1', output: 'rain' },
    ];
    expect((await vendors.openai.responses.create({ ...request, input })).output_text).toBe('Hello, world!');
    expect(JSON.stringify(vendors.lastBody(model))).toContain('rain');
  });

  it('creates a response, streamed or not', async () => {
    const response = await vendors.openai.responses.create({ model, input: 'hello' });
    expect(response.output_text).toBe('Hello, world!');
    expect(response.usage?.total_tokens).toBe(13);
    const stream = vendors.openai.responses.stream({ model, input: 'hello' });
    expect((await stream.finalResponse()).output_text).toBe('Hello, world!');
  });

  it.each<[number, new (...args: never[]) => Error]>([
    [400, OpenAI.BadRequestError],
    [429, OpenAI.RateLimitError],
    [500, OpenAI.InternalServerError],
  ])('throws the right error for the vendor’s %i', async (status, type) => {
    vendors.vendorOf(model).next({ status });
    await expect(vendors.openai.chat.completions.create({ model, messages: said })).rejects.toBeInstanceOf(type);
  });

  it('never takes our key at the vendor for the caller’s fault', async () => {
    vendors.vendorOf(model).next({ status: 401 });
    const refused = vendors.openai.chat.completions.create({ model, messages: said });
    await expect(refused).rejects.toMatchObject({ status: 502, code: 'upstream_failed' });
  });

  it('retries by itself what it may', async () => {
    vendors.vendorOf(model).next({ status: 503 });
    const completion = await vendors.openai.chat.completions.create({ model, messages: said }, { maxRetries: 2 });
    expect(completion.choices[0]?.message.content).toBe('Hello, world!');
    expect(vendors.vendorOf(model).requests).toHaveLength(2);
  });

  it('ends the call at the vendor within a second when it is aborted', async () => {
    const ms = await workAfterAbort(vendors.vendorOf(model), async () => {
      const stream = vendors.openai.chat.completions.stream({ model, messages: said, stream: true });
      stream.done().catch(() => undefined);
      await new Promise<void>((resolve) => void stream.once('content', () => resolve()));
      return () => stream.abort();
    });
    expect(ms).toBeLessThan(1_000);
  });

  it.each(streamBreaks)('never takes a stream that broke (%s) for a finished one', async (kind) => {
    stopInTheMiddle(vendors.vendorOf(model), kind);
    const completion = vendors.openai.chat.completions.create({ model, messages: said, stream: true });
    await expect(drained(completion)).rejects.toBeInstanceOf(OpenAI.APIError);
    stopInTheMiddle(vendors.vendorOf(model), kind);
    const response = vendors.openai.responses.create({ model, input: 'hello', stream: true });
    await expect(drained(response)).rejects.toBeInstanceOf(OpenAI.APIError);
  });
});

function argumentsOf(call: OpenAI.ChatCompletionMessageToolCall | undefined): string {
  return call?.type === 'function' ? call.function.arguments : '';
}
