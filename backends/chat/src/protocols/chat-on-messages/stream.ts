import type { JsonObject } from '#shared/json.ts';
import { nowInSeconds } from '../now-in-seconds.ts';
import type { EventTranslator, ServerSentEvent } from '../protocol.ts';
import { vendorErrorEvent } from '../vendor-error-event.ts';
import { garbage, jsonOf, objectOf, optionalObject, parseEventData, textOf } from '../vendor-reading.ts';
import { chatUsage, completionId, finishReason, refusalOf } from './answer.ts';

type ToolCall = { index: number; input: unknown; hasArguments: boolean };

/** Anthropic's events as OpenAI's chunks; one chunk for each piece of text, so nothing waits here. */
export class ChatChunksOfMessages implements EventTranslator {
  /** What every chunk begins with; undefined before the message has begun. */
  #head: string | undefined;
  #usage: JsonObject = {};
  #stopReason: unknown;
  #refusal: string | null = null;
  /** By the index of their content block. */
  readonly #calls = new Map<unknown, ToolCall>();
  #isDone = false;

  readonly #translate: ReadonlyMap<unknown, (event: JsonObject) => string> = new Map([
    ['message_start', (event: JsonObject) => this.#start(event)],
    ['content_block_start', (event: JsonObject) => this.#startBlock(event)],
    ['content_block_delta', (event: JsonObject) => this.#continueBlock(event)],
    ['content_block_stop', (event: JsonObject) => this.#endBlock(event)],
    ['message_delta', (event: JsonObject) => this.#updateMessage(event)],
    ['message_stop', () => this.#finish()],
  ]);

  push({ event, data }: ServerSentEvent): string {
    if (this.#isDone || event === 'ping') return '';
    const parsed = parseEventData(data);
    const type = parsed['type'];
    if (type === 'error') throw vendorErrorEvent(parsed['error']);
    return this.#translate.get(type)?.(parsed) ?? '';
  }

  #start(event: JsonObject): string {
    const message = objectOf(event['message'], 'message');
    const id = JSON.stringify(completionId(textOf(message['id'], 'id')));
    const model = JSON.stringify(textOf(message['model'], 'model'));
    this.#head = `data: {"id":${id},"object":"chat.completion.chunk","created":${nowInSeconds()},"model":${model},"choices":`;
    this.#usage = objectOf(message['usage'], 'usage');
    return this.#chunk('{"role":"assistant","content":""}');
  }

  #startBlock(event: JsonObject): string {
    const block = objectOf(event['content_block'], 'content_block');
    if (block['type'] === 'text') return this.#text('content', block['text']);
    if (block['type'] === 'thinking') return this.#text('reasoning_content', block['thinking']);
    if (block['type'] !== 'tool_use') return '';
    const call: ToolCall = { index: this.#calls.size, input: block['input'], hasArguments: false };
    this.#calls.set(event['index'], call);
    const id = JSON.stringify(textOf(block['id'], 'the id of a tool call'));
    const name = JSON.stringify(textOf(block['name'], 'the name of a tool'));
    return this.#chunk(
      `{"tool_calls":[{"index":${call.index},"id":${id},"type":"function","function":{"name":${name},"arguments":""}}]}`,
    );
  }

  #continueBlock(event: JsonObject): string {
    const delta = objectOf(event['delta'], 'delta');
    if (delta['type'] === 'text_delta') return this.#text('content', delta['text']);
    if (delta['type'] === 'thinking_delta') return this.#text('reasoning_content', delta['thinking']);
    const call = delta['type'] === 'input_json_delta' ? this.#calls.get(event['index']) : undefined;
    return call ? this.#arguments(call, textOf(delta['partial_json'], 'partial_json')) : '';
  }

  /** A tool without parameters gets none from Anthropic; OpenAI's clients parse the arguments and need an object. */
  #endBlock(event: JsonObject): string {
    const call = this.#calls.get(event['index']);
    if (!call || call.hasArguments) return '';
    return this.#arguments(call, jsonOf(call.input ?? {}, 'the input of a tool'));
  }

  #updateMessage(event: JsonObject): string {
    const delta = objectOf(event['delta'], 'delta');
    this.#stopReason = delta['stop_reason'] ?? this.#stopReason;
    this.#refusal = refusalOf(delta) ?? this.#refusal;
    for (const [name, value] of Object.entries(optionalObject(event['usage'], 'usage') ?? {})) {
      if (value !== null) this.#usage = { ...this.#usage, [name]: value };
    }
    return '';
  }

  #finish(): string {
    const reason = JSON.stringify(finishReason(this.#stopReason));
    const refusal = this.#refusal === null ? '' : this.#chunk(`{"refusal":${JSON.stringify(this.#refusal)}}`);
    const end = this.#chunk('{}', reason);
    this.#isDone = true;
    return `${refusal}${end}${this.#head}[],"usage":${JSON.stringify(chatUsage(this.#usage))}}\n\ndata: [DONE]\n\n`;
  }

  #text(member: string, value: unknown): string {
    const text = textOf(value, member);
    return text === '' ? '' : this.#chunk(`{"${member}":${JSON.stringify(text)}}`);
  }

  #arguments(call: ToolCall, json: string): string {
    if (json === '') return '';
    call.hasArguments = true;
    return this.#chunk(`{"tool_calls":[{"index":${call.index},"function":{"arguments":${JSON.stringify(json)}}}]}`);
  }

  #chunk(delta: string, reason = 'null'): string {
    if (this.#head === undefined) throw garbage('its message had not begun');
    return `${this.#head}[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${reason}}]}\n\n`;
  }
}
