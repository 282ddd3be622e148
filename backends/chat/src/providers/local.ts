import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#shared/http/error.ts';
import type { ChatProvider, ProviderCall } from '../completion/chat-provider.ts';
import type { ModelCard } from '../completion/model-card.ts';
import {
  chunkOf,
  completionOf,
  deltaOf,
  firstDelta,
  planAnswer,
  usageChunkOf,
  type LocalAnswer,
} from './local-answer.ts';
import { embeddingsAnswer } from './local-embeddings.ts';
import { parseLocalOptions, type LocalOptions } from './local-options.ts';

const free = { contextWindow: null, price: { input: 0, cachedInput: 0, output: 0 }, endsOn: null, quality: null };
const echo: ModelCard = {
  id: 'echo',
  name: 'Echo',
  capabilities: ['chat', 'streaming', 'tools'],
  maxOutputTokens: 10_000,
  ...free,
};
const embed: ModelCard = { id: 'embed', name: 'Embed', capabilities: ['embeddings'], maxOutputTokens: null, ...free };

/**
 * A deterministic stand-in for development and tests, not a model: it echoes the last user message. Its latency,
 * chunking, faults and calls of tools are chosen in the model's name; see `local-options.ts`. Its embeddings count words.
 */
export function createLocalProvider(): ChatProvider {
  return {
    id: 'local',
    name: 'Local stand-in (not a model)',
    aliases: [],
    isStandIn: true,
    answersBareIds: false,
    speaks: ['chat-completions', 'embeddings'],
    fetchesImages: false,
    outputLimitField: 'max_tokens',
    models: [echo, embed],
    find: cardOf,
    complete,
    stream: async (call) => {
      requireModelFor(call);
      const options = parseLocalOptions(call.model);
      refuse(options);
      return Readable.from(events(planAnswer(call, options), options, call.signal), { objectMode: false });
    },
    close: async () => undefined,
  };
}

function cardOf(model: string): ModelCard | undefined {
  if (model === embed.id) return embed;
  return model === echo.id || model.startsWith(`${echo.id}:`) ? echo : undefined;
}

async function complete(call: ProviderCall): Promise<Uint8Array> {
  requireModelFor(call);
  if (call.protocol === 'embeddings') return Buffer.from(JSON.stringify(embeddingsAnswer(call.body)));
  const options = parseLocalOptions(call.model);
  const answer = planAnswer(call, options);
  await pause(options.first_ms + options.chunk_ms * (answer.pieces.length - 1), call.signal);
  refuse(options);
  if (options.fault === 'hang') await forever(call.signal);
  if (options.fault !== 'none')
    throw new AppError('upstream_failed', 'The local stand-in broke off, as it was asked to');
  return Buffer.from(JSON.stringify(completionOf(answer)));
}

async function* events(answer: LocalAnswer, options: LocalOptions, signal: AbortSignal): AsyncGenerator<Buffer> {
  await pause(options.first_ms, signal);
  if (options.fault === 'empty') return;
  yield event(chunkOf(answer, firstDelta(answer), null));
  const breaksAt = options.fault === 'none' ? Infinity : Math.floor(answer.pieces.length / 2);
  for (const [index, piece] of answer.pieces.entries()) {
    if (index > 0) await pause(options.chunk_ms, signal);
    if (index === breaksAt) {
      yield* broken(options, signal);
      return;
    }
    yield event(chunkOf(answer, deltaOf(answer, piece), null));
  }
  yield event(chunkOf(answer, {}, answer.finishReason));
  if (answer.includeUsage) yield event(usageChunkOf(answer));
  yield Buffer.from('data: [DONE]\n\n');
}

async function* broken({ fault }: LocalOptions, signal: AbortSignal): AsyncGenerator<Buffer> {
  if (fault === 'hang') await forever(signal);
  if (fault === 'error_event') {
    yield event({ error: { message: 'The local stand-in failed, as it was asked to', type: 'server_error' } });
    return;
  }
  yield Buffer.from('data: {"id":"chatcmpl-lo');
  throw new Error('The local stand-in cut the connection, as it was asked to');
}

/** Each model does one thing. */
function requireModelFor({ protocol, model }: ProviderCall): void {
  if ((protocol === 'embeddings') === (cardOf(model) === embed)) return;
  const message = `The model ${model} does not speak ${protocol}`;
  throw new AppError('validation_failed', message, { errors: [{ path: 'model', message }] });
}

function refuse({ fault }: LocalOptions): void {
  if (fault === 'error') throw new AppError('unavailable', 'The local stand-in is down, as it was asked to be');
  if (fault !== 'rate_limit') return;
  throw new AppError('rate_limited', 'The local stand-in is busy, as it was asked to be', { retryAfterSeconds: 2 });
}

function event(data: unknown): Buffer {
  return Buffer.from(`data: ${JSON.stringify(data)}\n\n`);
}

/** No timer at all for 0 ms, so that load tests measure the path and not the clock. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal });
}

async function forever(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  return await new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted', { cause: signal.reason })), { once: true });
  });
}
