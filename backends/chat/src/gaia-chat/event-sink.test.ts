import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { eventSink, type TranslatingSink, type Vocabulary } from './event-sink.ts';

const plain: Vocabulary = {
  opening: () => [{ type: 'opening' }],
  chunk: ({ text, error }) => [error === undefined ? { text } : { error }],
  closing: () => [{ type: 'closing' }],
};

type Built = { sink: TranslatingSink; target: PassThrough; said: string[]; text: () => Promise<string> };

function build(vocabulary = plain): Built {
  const target = new PassThrough();
  const said: string[] = [];
  const sink = eventSink(
    {
      writable: target,
      open: () => void said.push('open'),
      complete: () => void said.push('complete'),
      broken: () => void said.push('broken'),
    },
    vocabulary,
  );
  const text = async (): Promise<string> => Buffer.concat(await target.toArray()).toString('utf8');
  return { sink, target, said, text };
}

const hello = 'data: {"choices":[{"delta":{"content":"grüß dich"}}]}\n\n';
const done = 'data: [DONE]\n\n';
const said = (...events: object[]): string => events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');

describe('a stream in other words', () => {
  it.each([1, 2, 3, 7, 1_000])('is the same from pieces of %i bytes, and begins once', async (size) => {
    const { sink, said: told, text } = build();
    sink.open();
    const bytes = Buffer.from(hello + done);
    for (let at = 0; at < bytes.length; at += size) sink.writable.write(bytes.subarray(at, at + size));
    sink.writable.end();
    expect(await text()).toBe(
      `${said({ type: 'opening' }, { text: 'grüß dich' }, { type: 'closing' })}data: [DONE]\n\n`,
    );
    expect(told).toEqual(['open', 'complete']);
  });

  it('passes comments on, and has what is said between its events', async () => {
    const { sink, text } = build();
    sink.open();
    sink.writable.write(': keep-alive\n\n');
    sink.say([{ type: 'news' }]);
    sink.writable.end(hello);
    const all = await text();
    expect(all).toContain(': keep-alive\n\n');
    expect(all).toContain(said({ type: 'news' }));
    expect(all).not.toContain('closing');
  });

  it('is complete without the blank line behind its last event, and without [DONE] never', async () => {
    for (const [end, isComplete] of [
      ['data: [DONE]', true],
      ['data: [DONE]\n', true],
      ['data: [DONE', false],
      ['', false],
    ] as const) {
      const { sink, said: told, text } = build();
      sink.open();
      sink.writable.end(hello + end);
      expect((await text()).endsWith(done)).toBe(isComplete);
      expect(told.includes('complete')).toBe(isComplete);
    }
  });

  it('leaves out what is no chunk', async () => {
    const { sink, text } = build();
    sink.open();
    sink.writable.end(`data: <html>\n\ndata: null\n\ndata: [1]\n\n${hello}`);
    expect(await text()).toBe(said({ type: 'opening' }, { text: 'grüß dich' }));
  });
});

describe('the end of one side', () => {
  it.each([true, false])('that reads is told to the one that writes (open: %s)', async (isOpen) => {
    const { sink, target } = build();
    if (isOpen) sink.open();
    const closed = once(sink.writable, 'close');
    target.destroy();
    await closed;
    sink.say([{ type: 'late' }]);
    expect(sink.writable.destroyed).toBe(true);
  });

  it('by an error does not go unheard', async () => {
    const { sink, target } = build();
    sink.open();
    const closed = once(sink.writable, 'close');
    target.destroy(new Error('reset'));
    await closed;
    expect(sink.writable.destroyed).toBe(true);
  });

  it('that translates, by an error of its own, takes the reader along and throws nothing at the writer', async () => {
    const { sink, target } = build({
      ...plain,
      chunk: () => {
        throw new Error('no word for it');
      },
    });
    sink.open();
    const failed = once(sink.writable, 'error');
    const closed = once(target, 'close');
    sink.writable.write(hello);
    await Promise.all([failed, closed]);
    expect(target.destroyed).toBe(true);
  });
});

describe('a reader that does not read', () => {
  it('stops the writer, and lets it go on when it reads', async () => {
    const { sink, target } = build();
    sink.open();
    const chunk = `data: ${JSON.stringify({ choices: [{ delta: { content: 'x'.repeat(1_000) } }] })}\n\n`;
    let written = 0;
    while (written < 10_000 && sink.writable.write(chunk)) written += 1;
    expect(written).toBeLessThan(1_000);
    const drained = once(sink.writable, 'drain');
    target.resume();
    await drained;
    expect(sink.writable.writableNeedDrain).toBe(false);
  });
});
