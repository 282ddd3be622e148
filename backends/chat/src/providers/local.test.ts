import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { ProviderCall } from '../completion/chat-provider.ts';
import { createLocalProvider } from './local.ts';
import { parseLocalOptions } from './local-options.ts';

const local = createLocalProvider();
const call = (model: string, fields: Record<string, unknown> = {}): ProviderCall => ({
  protocol: 'chat-completions',
  model,
  headers: {},
  body: Buffer.from(JSON.stringify({ model, messages: [{ role: 'user', content: 'one two' }], ...fields })),
  requestId: 'request-1',
  signal: AbortSignal.timeout(10_000),
});

async function streamed(model: string, fields: Record<string, unknown> = {}) {
  const sent = await text(await local.stream(call(model, fields)));
  const events = sent.split('\n\n').slice(0, -1);
  return { sent, events, data: events.slice(0, -1).map((event): unknown => JSON.parse(event.slice(6))) };
}

describe('the local stand-in', () => {
  it('cannot be taken for a model', () => {
    expect(local.name).toBe('Local stand-in (not a model)');
    expect(local.answersBareIds).toBe(false);
  });

  it('gives the same request the same answer, byte for byte', async () => {
    expect(await local.complete(call('echo'))).toEqual(await local.complete(call('echo')));
    expect((await streamed('echo')).sent).toBe((await streamed('echo')).sent);
    expect(await local.complete(call('echo'))).not.toEqual(await local.complete(call('echo', { n: 1 })));
  });

  it('echoes the last user message, also from parts', async () => {
    const messages = [
      { role: 'user', content: 'first' },
      { role: 'user', content: [{ type: 'text', text: 'last' }, { type: 'image_url' }] },
      { role: 'assistant', content: null },
    ];
    expect(String(await local.complete(call('echo', { messages })))).toContain('"content":"You said: last "');
  });

  it('streams as many chunks as asked for, then the reason, the usage when asked, and [DONE]', async () => {
    const { data, events } = await streamed('echo:chunks=50', { stream_options: { include_usage: true } });
    expect(data).toHaveLength(1 + 50 + 1 + 1);
    expect(data.at(-2)).toMatchObject({ choices: [{ delta: {}, finish_reason: 'stop' }] });
    expect(data.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 2, completion_tokens: 50, total_tokens: 52 },
    });
    expect(events.at(-1)).toBe('data: [DONE]');
  });

  it('stops at max_tokens and says so', async () => {
    const { data, sent } = await streamed('echo', { max_tokens: 2 });
    expect(data).toHaveLength(1 + 2 + 1);
    expect(data.at(-1)).toMatchObject({ choices: [{ finish_reason: 'length' }] });
    expect(sent).not.toContain('usage');
  });
});

describe('its faults', () => {
  it.each([
    ['error', { code: 'unavailable' }],
    ['rate_limit', { code: 'rate_limited', options: { retryAfterSeconds: 2 } }],
  ])('%s refuses before the first byte', async (fault, error) => {
    await expect(local.stream(call(`echo:fault=${fault}`))).rejects.toMatchObject(error);
    await expect(local.complete(call(`echo:fault=${fault}`))).rejects.toMatchObject(error);
  });

  it('empty ends without a byte', async () => {
    expect((await streamed('echo:fault=empty')).sent).toBe('');
  });

  it('cut breaks inside an event', async () => {
    const stream = await local.stream(call('echo:fault=cut,chunks=4'));
    const chunks: string[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
    await new Promise((resolve) => {
      stream.once('error', resolve);
    });
    expect(chunks).toHaveLength(1 + 2 + 1);
    expect(chunks.at(-1)).not.toContain('\n');
  });

  it('error_event reports an error instead of an end', async () => {
    const { events, sent } = await streamed('echo:fault=error_event,chunks=4');
    expect(events.at(-1)).toMatch(/^data: {"error":/);
    expect(sent).not.toContain('[DONE]');
  });

  it('hang says nothing more until it is aborted', async () => {
    const controller = new AbortController();
    const stream = await local.stream({ ...call('echo:fault=hang,chunks=4'), signal: controller.signal });
    const failed = new Promise((resolve) => {
      stream.once('error', resolve);
    });
    let chunks = 0;
    stream.on('data', () => {
      chunks += 1;
      if (chunks === 3) controller.abort();
    });
    await failed;
    expect(chunks).toBe(3);
    const unary = local.complete({ ...call('echo:fault=hang'), signal: AbortSignal.abort() });
    await expect(unary).rejects.toThrow('aborted');
  });

  it.each(['cut', 'error_event', 'empty'])('%s gives no whole answer', async (fault) => {
    await expect(local.complete(call(`echo:fault=${fault}`))).rejects.toMatchObject({ code: 'upstream_failed' });
  });
});

describe('its options', () => {
  it('are read from the name of the model', () => {
    const options = { first_ms: 200, chunk_ms: 5, chunks: 50, fault: 'cut', tools: 'call' };
    expect(parseLocalOptions('echo:first_ms=200,chunk_ms=5,chunks=50,fault=cut,tools=call')).toEqual(options);
    expect(parseLocalOptions('echo')).toEqual({ first_ms: 0, chunk_ms: 0, fault: 'none', tools: 'ignore' });
  });

  it.each([
    'echo:fault=fire',
    'echo:chunks=0',
    'echo:chunks=10001',
    'echo:first_ms=60001',
    'echo:chunk_ms=-1',
    'echo:chunk_ms=1.5',
    'echo:speed=1',
    'echo:chunks=1,chunks=2',
    'echo:chunks',
    'echo:first_ms=',
    'echo:chunks=1=2',
    'echo:,',
  ])('are bounded and known: not %s', (model) => {
    expect(() => parseLocalOptions(model)).toThrow(expect.objectContaining({ code: 'validation_failed' }));
  });
});
