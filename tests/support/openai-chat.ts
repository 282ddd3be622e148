import type { OpenAI } from 'openai';
import { halves, textOf, usageOf, type VendorScript } from './vendor-script.ts';
import type { VendorAnswer } from './vendor-server.ts';
import { jsonEvent, type StreamEvent } from './vendor-stream.ts';

export type ChatBody = {
  model: string;
  stream?: boolean | null | undefined;
  stream_options?: { include_usage?: boolean | undefined } | null | undefined;
};

type Chunk = OpenAI.ChatCompletionChunk;
type ChunkChoice = OpenAI.ChatCompletionChunk.Choice;
type Delta = OpenAI.ChatCompletionChunk.Choice.Delta;
type FinishReason = OpenAI.ChatCompletion.Choice['finish_reason'];

const common = {
  id: 'chatcmpl-fake',
  created: 1_700_000_000,
  service_tier: 'default',
  system_fingerprint: 'fp_fake',
} as const;

/** What `POST /v1/chat/completions` answers, whole or as chunks. Shapes from the SDK's own types. */
export function chatAnswer(body: ChatBody, script: VendorScript): VendorAnswer {
  if (!body.stream) return { json: completion(body.model, script) };
  const chunks = script.empty ? emptyChunks(body.model) : contentChunks(body.model, script);
  const wantsUsage = body.stream_options?.include_usage === true;
  const events: StreamEvent[] = chunks.map((chunk) => jsonEvent(wantsUsage ? { ...chunk, usage: null } : chunk));
  if (wantsUsage && script.usage !== 'none') events.push(jsonEvent(usageChunk(body.model, script)));
  events.push({ data: '[DONE]' });
  const error = {
    message: 'The server had an error while processing your request.',
    type: 'server_error',
    param: null,
    code: null,
  };
  return { stream: { events, error: jsonEvent({ error }) } };
}

function completion(model: string, script: VendorScript): OpenAI.ChatCompletion {
  const text = textOf(script).join('');
  const toolCalls = (script.toolCalls ?? []).map((call) => ({
    id: call.id,
    type: 'function' as const,
    function: { name: call.name, arguments: JSON.stringify(call.arguments) },
  }));
  const message = {
    role: 'assistant' as const,
    content: text === '' ? null : text,
    refusal: null,
    annotations: [],
    ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
  };
  return {
    ...common,
    object: 'chat.completion',
    model,
    choices: script.empty ? [] : [{ index: 0, message, logprobs: null, finish_reason: finishReason(script) }],
    ...(script.usage !== 'none' && { usage: usage(script) }),
  };
}

function contentChunks(model: string, script: VendorScript): Chunk[] {
  const text = textOf(script);
  const deltas: Delta[] = [
    { role: 'assistant', content: text.length > 0 ? '' : null, refusal: null },
    ...text.map((content) => ({ content })),
    ...toolDeltas(script),
  ];
  return [
    ...deltas.map((delta) => chunk(model, [{ index: 0, delta, logprobs: null, finish_reason: null }])),
    chunk(model, [{ index: 0, delta: {}, logprobs: null, finish_reason: finishReason(script) }]),
  ];
}

/** The name comes first with empty arguments, which then arrive in pieces that are not JSON by themselves. */
function toolDeltas({ toolCalls = [] }: VendorScript): Delta[] {
  return toolCalls.flatMap(({ id, name, arguments: input }, index) => [
    { tool_calls: [{ index, id, type: 'function' as const, function: { name, arguments: '' } }] },
    ...halves(JSON.stringify(input)).map((piece) => ({ tool_calls: [{ index, function: { arguments: piece } }] })),
  ]);
}

function emptyChunks(model: string): Chunk[] {
  return [chunk(model, [])];
}

function usageChunk(model: string, script: VendorScript): Chunk {
  return { ...chunk(model, []), usage: usage(script) };
}

function chunk(model: string, choices: ChunkChoice[]): Chunk {
  return { ...common, object: 'chat.completion.chunk', model, choices };
}

function usage(script: VendorScript): OpenAI.CompletionUsage {
  const { input, output, cached } = usageOf(script);
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

function finishReason({ finish, toolCalls }: VendorScript): FinishReason {
  return finish ?? (toolCalls ? 'tool_calls' : 'stop');
}
