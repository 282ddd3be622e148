import { describe, expect, it } from 'vitest';
import { AppError } from '#shared/http/error.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { streamDialects } from './stream-dialects.ts';
import { StreamReader, type Reading } from './stream-reader.ts';

type Streamed = 'chat-completions' | 'messages' | 'responses';

function reader(protocol: Protocol, hidesUsage = false): StreamReader {
  return new StreamReader(streamDialects[protocol], { hidesUsage });
}

function readAll(protocol: Protocol, blocks: readonly string[]): { reader: StreamReader; readings: Reading[] } {
  const one = reader(protocol);
  return { reader: one, readings: blocks.map((block) => one.read(Buffer.from(block))) };
}

const chunk = 'data: {"choices":[{"delta":{"content":"Hi"}}],"usage":null}\n\n';
const usageChunk =
  'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2}}}\n\n';

const complete: Record<Streamed, { blocks: string[]; usage: object; textBytes: number }> = {
  'chat-completions': {
    blocks: [chunk, usageChunk, 'data: [DONE]\n\n'],
    usage: { input: 9, cachedInput: 2, output: 4 },
    textBytes: 2,
  },
  messages: {
    blocks: [
      'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":5,"cache_read_input_tokens":3,"cache_creation_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":1},"output_tokens":1}}}\n\n',
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\\"b"}}\n\n',
      'event: message_delta\ndata: {"type":"message_delta","delta":{},"usage":{"output_tokens":7}}\n\n',
      'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ],
    usage: { input: 12, cachedInput: 3, cacheWrite: 3, cacheWriteLong: 1, output: 7 },
    textBytes: 4,
  },
  responses: {
    blocks: [
      'event: response.created\ndata: {"type":"response.created","response":{"error":null,"usage":null}}\n\n',
      'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hey"}\n\n',
      'event: response.completed\ndata: {"type":"response.completed","response":{"error":null,"usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":1},"output_tokens":2}}}\n\n',
    ],
    usage: { input: 3, cachedInput: 1, output: 2 },
    textBytes: 3,
  },
};
const streamed = ['chat-completions', 'messages', 'responses'] as const;

describe.each(streamed)('a stream of %s', (protocol) => {
  const { blocks, usage, textBytes } = complete[protocol];

  it('is passed untouched, and complete only with its last event', () => {
    const { readings } = readAll(protocol, blocks);
    expect(readings.map(({ pass }) => pass.toString())).toEqual(blocks);
    expect(readings.map(({ terminalAt }) => terminalAt !== undefined)).toEqual(
      blocks.map((_, index) => index === blocks.length - 1),
    );
    expect(readings.every(({ error }) => error === undefined)).toBe(true);
  });

  it('tells what was used and counts what was written', () => {
    const { reader: read } = readAll(protocol, blocks);
    expect(read.usage).toEqual(usage);
    expect(read.textBytes).toBe(textBytes);
  });

  it('says the same in one block, and where in it the last event begins', () => {
    const { reader: read, readings } = readAll(protocol, [blocks.join('')]);
    expect(read.usage).toEqual(usage);
    expect(readings[0]?.terminalAt).toBe(blocks.slice(0, -1).join('').length);
  });

  it('of CRLF lines is read alike', () => {
    const { reader: read, readings } = readAll(protocol, [blocks.join('').replaceAll('\n', '\r\n')]);
    expect(read.usage).toEqual(usage);
    expect(readings[0]?.terminalAt).toBe(blocks.slice(0, -1).join('').replaceAll('\n', '\r\n').length);
  });

  it('ends for the caller in an event that names the error and no more', () => {
    const text = streamDialects[protocol].errorEvent(new AppError('rate_limited', 'too\n\ndata: [DONE]\n\n much'));
    expect(text.endsWith('}\n\n')).toBe(true);
    expect(text.match(/\n\n/g)).toHaveLength(1);
    expect(readAll(protocol, [text]).readings[0]).toMatchObject({ error: 'too\n\ndata: [DONE]\n\n much' });
  });
});

describe('a vendor’s own error', () => {
  it.each([
    ['chat-completions', 'data: {"error":{"message":"no"}}\n\n'],
    ['messages', 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"no"}}\n\n'],
    ['responses', 'event: error\ndata: {"type":"error","message":"no","code":"x","error":null}\n\n'],
    ['responses', 'event: response.failed\ndata: {"type":"response.failed","response":{"error":{"message":"no"}}}\n\n'],
  ] as const)('in %s is found, and everything before it is passed', (protocol, event) => {
    const before = complete[protocol].blocks[0] ?? '';
    const { readings } = readAll(protocol, [before + event]);
    expect(readings[0]?.error).toBe('no');
    expect(readings[0]?.pass.toString()).toBe(before);
    expect(readings[0]?.terminalAt).toBeUndefined();
  });

  it('is one without a reason, too', () => {
    const { readings } = readAll('responses', ['data: {"type":"response.failed","response":{}}\n\n']);
    expect(readings[0]?.error).toBe('no reason given');
    expect(readings[0]?.pass.length).toBe(0);
  });
});

describe('an event that is not JSON', () => {
  it.each([
    ['is cut', 'data: {"choices":[{"del\n\n'],
    ['is a page', 'data: <html>no</html>\n\n'],
    ['is only like the end', 'data: [DONE]x\n\n'],
  ])('because it %s is an error, and everything before it is passed', (_name, event) => {
    for (const block of [chunk + event + chunk, (chunk + event + chunk).replaceAll('\n', '\r\n')]) {
      const reading = reader('chat-completions').read(Buffer.from(block));
      expect(reading.error).toBe('an event that is not JSON');
      expect(reading.pass.toString()).toBe(block.slice(0, block.indexOf('data: ', 10)));
    }
  });
});

describe('text of a model', () => {
  it.each([
    [
      'chat-completions',
      'data: {"choices":[{"delta":{"content":"\\"usage\\":{\\"prompt_tokens\\":1} data: [DONE]"}}]}\n\n',
    ],
    ['messages', 'data: {"type":"content_block_delta","delta":{"text":"{\\"type\\":\\"message_stop\\"}"}}\n\n'],
    ['messages', 'data: {"type":"content_block_start","content_block":{"name":"message_stop"}}\n\n'],
    ['messages', 'data: {"type":"content_block_start","content_block":{"input":{"error":{"message":"x"}}}}\n\n'],
    ['responses', 'data: {"type":"response.output_text.delta","delta":"\\"response.completed\\""}\n\n'],
  ] as const)('in %s is not taken for what the vendor says', (protocol, block) => {
    const { reader: read, readings } = readAll(protocol, [block]);
    expect(readings[0]).toEqual({ pass: Buffer.from(block) });
    expect(read.usage).toBeUndefined();
  });
});

describe('what a broken stream of messages used', () => {
  it('is not what its first event says of an answer that has only begun', () => {
    const one = reader('messages');
    one.read(Buffer.from(complete.messages.blocks.slice(0, 2).join('')));
    expect(one.usage).toEqual({ input: 12, cachedInput: 3, cacheWrite: 3, cacheWriteLong: 1 });
    expect(one.textBytes).toBe(4);
  });
});

describe('usage that the caller did not ask for', () => {
  it('is read, and its event is not passed', () => {
    const one = reader('chat-completions', true);
    const passed = [chunk, usageChunk, 'data: [DONE]\n\n'].map((block) => one.read(Buffer.from(block)).pass.toString());
    expect(passed).toEqual([chunk, '', 'data: [DONE]\n\n']);
    expect(one.usage).toMatchObject({ input: 9, output: 4 });
  });

  it('is passed where it comes with a part of the answer', () => {
    const block = 'data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n';
    expect(reader('chat-completions', true).read(Buffer.from(block)).pass.toString()).toBe(block);
  });

  it('leaves the rest of its block as it was', () => {
    const block = Buffer.from(`${chunk}${usageChunk}data: [DONE]\n\n`.replaceAll('\n', '\r\n'));
    const { pass, terminalAt } = reader('chat-completions', true).read(block);
    expect(pass.toString()).toBe(`${chunk}data: [DONE]\n\n`.replaceAll('\n', '\r\n'));
    expect(terminalAt).toBe(chunk.replaceAll('\n', '\r\n').length);
  });

  it.each(['-1', '1.5', '"7"', '1e99', 'null'])('of %s tokens is as good as none', (count) => {
    const one = reader('chat-completions');
    one.read(Buffer.from(`data: {"choices":[],"usage":{"prompt_tokens":${count},"completion_tokens":4}}\n\n`));
    expect(one.usage).toEqual({ output: 4 });
  });
});
