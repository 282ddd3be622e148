import type { OpenAI } from 'openai';
import { halves, textOf, usageOf, type VendorScript } from './vendor-script.ts';
import type { VendorAnswer } from './vendor-server.ts';
import { jsonEvent } from './vendor-stream.ts';

type Message = OpenAI.Responses.ResponseOutputMessage;
type FunctionCall = OpenAI.Responses.ResponseFunctionToolCall & { id: string };
/** The SDK computes `output_text` itself; the wire does not have it. */
type WireResponse = Omit<OpenAI.Responses.Response, 'output_text'>;
type Event = { type: OpenAI.Responses.ResponseStreamEvent['type'] } & Record<string, unknown>;

export type ResponsesBody = { model: string; stream?: boolean | null | undefined };

/** What `POST /v1/responses` answers, whole or as named, numbered events without a `[DONE]`. */
export function responsesAnswer({ model, stream }: ResponsesBody, script: VendorScript): VendorAnswer {
  const message = script.empty || textOf(script).length === 0 ? [] : [outputMessage(textOf(script).join(''))];
  const calls = (script.toolCalls ?? []).map(functionCall);
  const whole = response(model, [...message, ...calls], script);
  if (!stream) return { json: whole };

  const started = { ...whole, status: 'in_progress', output: [], usage: undefined, completed_at: null };
  const events: Event[] = [
    { type: 'response.created', response: started },
    { type: 'response.in_progress', response: started },
    ...message.flatMap((item) => messageEvents(item, textOf(script))),
    ...calls.flatMap((item, index) => functionCallEvents(item, message.length + index)),
    { type: script.finish ? 'response.incomplete' : 'response.completed', response: whole },
  ];
  const numbered = events.map((event, index) => jsonEvent({ ...event, sequence_number: index }, event.type));
  const error = { type: 'error', code: 'server_error', message: 'The server had an error.', param: null };
  return { stream: { events: numbered, error: jsonEvent({ ...error, sequence_number: numbered.length }, 'error') } };
}

function response(model: string, output: WireResponse['output'], script: VendorScript): WireResponse {
  const { input, output: produced, cached } = usageOf(script);
  return {
    id: 'resp_fake',
    object: 'response',
    created_at: 1_700_000_000,
    completed_at: 1_700_000_001,
    status: script.finish ? 'incomplete' : 'completed',
    error: null,
    incomplete_details: incompleteDetails(script),
    access_programs: null,
    instructions: null,
    max_output_tokens: null,
    metadata: {},
    model,
    output,
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    service_tier: 'default',
    temperature: 1,
    text: { format: { type: 'text' } },
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    truncation: 'disabled',
    ...(script.usage !== 'none' && {
      usage: {
        input_tokens: input,
        input_tokens_details: { cached_tokens: cached, cache_write_tokens: 0 },
        output_tokens: produced,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: input + produced,
      },
    }),
  };
}

function incompleteDetails({ finish }: VendorScript): WireResponse['incomplete_details'] {
  if (finish === 'length') return { reason: 'max_output_tokens' };
  return finish === 'content_filter' ? { reason: 'content_filter' } : null;
}

function outputMessage(text: string): Message {
  const content = [{ type: 'output_text' as const, text, annotations: [], logprobs: [] }];
  return { id: 'msg_fake', type: 'message', role: 'assistant', status: 'completed', content };
}

function functionCall(call: { id: string; name: string; arguments: Record<string, unknown> }): FunctionCall {
  return {
    id: `fc_${call.id}`,
    type: 'function_call',
    call_id: call.id,
    name: call.name,
    arguments: JSON.stringify(call.arguments),
    status: 'completed',
  };
}

function messageEvents(item: Message, deltas: readonly string[]): Event[] {
  const place = { item_id: item.id, output_index: 0, content_index: 0 };
  const [part] = item.content;
  const text = deltas.join('');
  return [
    { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress', content: [] } },
    { type: 'response.content_part.added', ...place, part: { ...part, text: '' } },
    ...deltas.map((delta): Event => ({ type: 'response.output_text.delta', ...place, delta, logprobs: [] })),
    { type: 'response.output_text.done', ...place, text, logprobs: [] },
    { type: 'response.content_part.done', ...place, part },
    { type: 'response.output_item.done', output_index: 0, item },
  ];
}

function functionCallEvents(item: FunctionCall, output_index: number): Event[] {
  const place = { item_id: item.id, output_index };
  const pieces = halves(item.arguments);
  return [
    { type: 'response.output_item.added', output_index, item: { ...item, status: 'in_progress', arguments: '' } },
    ...pieces.map((delta): Event => ({ type: 'response.function_call_arguments.delta', ...place, delta })),
    { type: 'response.function_call_arguments.done', ...place, name: item.name, arguments: item.arguments },
    { type: 'response.output_item.done', output_index, item },
  ];
}
