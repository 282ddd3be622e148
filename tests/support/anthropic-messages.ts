import type { Anthropic } from '@anthropic-ai/sdk';
import { halves, textOf, usageOf, type VendorScript } from './vendor-script.ts';
import type { VendorAnswer } from './vendor-server.ts';
import { jsonEvent } from './vendor-stream.ts';

type Event = Anthropic.RawMessageStreamEvent;
type Block = Anthropic.TextBlock | Anthropic.ToolUseBlock;

export type MessagesBody = { model: string; stream?: boolean | undefined };

/** What `POST /v1/messages` answers, whole or as named events. Shapes from the SDK's own types. */
export function messageAnswer({ model, stream }: MessagesBody, script: VendorScript): VendorAnswer {
  const whole = message(model, script);
  if (!stream) return { json: script.usage === 'none' ? { ...whole, usage: undefined } : whole };

  const [start, ...rest] = streamEvents(whole, script);
  const events = [
    ...(start ? [jsonEvent(start, start.type)] : []),
    ...rest.map((event) => jsonEvent(script.usage === 'none' ? { ...event, usage: undefined } : event, event.type)),
  ];
  // The vendor's first ping follows the first block's start; without a block it follows the message's.
  events.splice(Math.min(2, events.length), 0, jsonEvent({ type: 'ping' }, 'ping'));
  const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
  return { stream: { events, error: jsonEvent(error, 'error') } };
}

function message(model: string, script: VendorScript): Anthropic.Message {
  const { input, output, cached } = usageOf(script);
  return {
    id: 'msg_fake',
    type: 'message',
    role: 'assistant',
    model,
    content: blocks(script),
    container: null,
    diagnostics: null,
    stop_details: null,
    stop_reason: stopReason(script),
    stop_sequence: null,
    usage: {
      input_tokens: input - cached,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: cached,
      cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
      output_tokens: output,
      output_tokens_details: null,
      inference_geo: null,
      server_tool_use: null,
      service_tier: 'standard',
      speed: null,
    },
  };
}

function blocks(script: VendorScript): Block[] {
  const text = textOf(script).join('');
  const calls = (script.toolCalls ?? []).map(({ id, name, arguments: input }): Block => ({
    type: 'tool_use',
    id,
    name,
    input,
    caller: { type: 'direct' },
  }));
  return [...(text === '' ? [] : [{ type: 'text' as const, text, citations: null }]), ...calls];
}

function streamEvents(whole: Anthropic.Message, script: VendorScript): Event[] {
  const { usage, stop_reason } = whole;
  const start = { ...whole, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } };
  const finalUsage = {
    input_tokens: usage.input_tokens,
    cache_creation_input_tokens: usage.cache_creation_input_tokens,
    cache_read_input_tokens: usage.cache_read_input_tokens,
    output_tokens: usage.output_tokens,
    output_tokens_details: null,
    server_tool_use: null,
  };
  return [
    { type: 'message_start', message: start },
    ...blocks(script).flatMap((block, index) => blockEvents(block, index, script)),
    {
      type: 'message_delta',
      delta: { stop_reason, stop_sequence: null, container: null, stop_details: null },
      usage: finalUsage,
    },
    { type: 'message_stop' },
  ];
}

function blockEvents(block: Block, index: number, script: VendorScript): Event[] {
  const opened = block.type === 'text' ? { ...block, text: '' } : { ...block, input: {} };
  const deltas = block.type === 'text' ? textDeltas(script) : inputDeltas(block);
  return [
    { type: 'content_block_start', index, content_block: opened },
    ...deltas.map((delta): Event => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
}

function textDeltas(script: VendorScript): Anthropic.RawContentBlockDelta[] {
  return textOf(script).map((text) => ({ type: 'text_delta', text }));
}

function inputDeltas({ input }: Anthropic.ToolUseBlock): Anthropic.RawContentBlockDelta[] {
  return ['', ...halves(JSON.stringify(input))].map((partial_json) => ({ type: 'input_json_delta', partial_json }));
}

function stopReason({ finish, toolCalls }: VendorScript): Anthropic.StopReason {
  if (finish === undefined) return toolCalls ? 'tool_use' : 'end_turn';
  return ({ stop: 'end_turn', length: 'max_tokens', content_filter: 'refusal' } as const)[finish];
}
