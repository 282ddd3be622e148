import { chunkCount, type MockAnswer } from './mock-openai.ts';

const message = {
  id: 'msg_bench',
  type: 'message',
  role: 'assistant',
  model: 'claude-haiku-4-5',
  stop_sequence: null,
};
const usage = { input_tokens: 9, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 6 };

/** Anthropic's protocol, in the order of events that it documents. */
export const anthropicAnswer: MockAnswer = {
  whole: Buffer.from(
    JSON.stringify({
      ...message,
      content: [{ type: 'text', text: 'Hello from the mock vendor.' }],
      stop_reason: 'end_turn',
      usage,
    }),
  ),
  first: Buffer.concat([
    event('message_start', {
      message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
    }),
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    event('ping', {}),
  ]),
  chunks: Array.from({ length: chunkCount }, (_, index) =>
    event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: `token ${index} ` } }),
  ),
  last: Buffer.concat([
    event('content_block_stop', { index: 0 }),
    event('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 6 } }),
    event('message_stop', {}),
  ]),
};

function event(type: string, data: object): Buffer {
  return Buffer.from(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
}
