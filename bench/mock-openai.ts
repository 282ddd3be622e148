/** An answer of a vendor, and the same as a stream: bytes that are made once. */
export type MockAnswer = { whole: Buffer; first: Buffer; chunks: readonly Buffer[]; last: Buffer };

export const chunkCount = 50;

const usage = { prompt_tokens: 9, completion_tokens: 6, total_tokens: 15 };

/** As OpenAI documents it: who asks for usage gets `usage: null` with every chunk, and one without choices at the end. */
export function openAiAnswer(includesUsage: boolean): MockAnswer {
  return includesUsage ? withUsage : withoutUsage;
}

const withUsage = answerOf(true);
const withoutUsage = answerOf(false);

function answerOf(includesUsage: boolean): MockAnswer {
  const extra = includesUsage ? { usage: null } : {};
  const chunk = (delta: object, finish_reason: string | null = null): Buffer =>
    event({ ...head('chat.completion.chunk'), choices: [{ index: 0, delta, finish_reason }], ...extra });
  const message = { role: 'assistant', content: 'Hello from the mock vendor.' };
  const total = includesUsage ? [event({ ...head('chat.completion.chunk'), choices: [], usage })] : [];
  return {
    whole: Buffer.from(
      JSON.stringify({
        ...head('chat.completion'),
        choices: [{ index: 0, message, finish_reason: 'stop' }],
        usage,
      }),
    ),
    first: chunk({ role: 'assistant', content: '' }),
    chunks: Array.from({ length: chunkCount }, (_, index) => chunk({ content: `token ${index} ` })),
    last: Buffer.concat([chunk({}, 'stop'), ...total, Buffer.from('data: [DONE]\n\n')]),
  };
}

function head(object: string): object {
  return { id: 'chatcmpl-bench', object, created: 1_700_000_000, model: 'bench' };
}

function event(data: object): Buffer {
  return Buffer.from(`data: ${JSON.stringify(data)}\n\n`);
}
