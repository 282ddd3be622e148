import type { JsonObject } from '#shared/json.ts';
import { ChatChunkReader, type ChatPiece } from '../chat-chunk-reader.ts';
import type { ChatUsage } from '../chat-answer-reader.ts';
import { estimatedTokenCount } from '../count-tokens.ts';
import { objectInText } from '../caller-field.ts';
import type { EventTranslator, ServerSentEvent } from '../protocol.ts';
import { namedEvent } from '../server-sent-events.ts';
import { garbage } from '../vendor-reading.ts';
import { fullUsage, messageHead, messageUsage, noUsage, stopReason } from './answer.ts';

type BlockKind = 'thinking' | 'text' | 'tool';

type Block = {
  kind: BlockKind;
  /** What `content_block_start` says of it. */
  start: JsonObject;
  /** All of a tool's arguments so far; of a block that waits, its text. */
  text: string;
  state: 'waiting' | 'open' | 'closed';
};

/** Of English text, about. */
const charactersPerToken = 4;

const deltaOf = {
  thinking: ['thinking_delta', 'thinking'],
  text: ['text_delta', 'text'],
  tool: ['input_json_delta', 'partial_json'],
} as const;

/**
 * OpenAI's chunks as Anthropic's events. Anthropic has one content block open at a time and never returns to one, while
 * a chunk may continue any tool call. So a block that follows a tool call is passed on at once when the call's arguments
 * are complete, and otherwise kept until the end.
 */
export class MessageEventsOfChat implements EventTranslator {
  readonly #body: JsonObject;
  readonly #reader = new ChatChunkReader();
  readonly #calls = new Map<number, Block>();
  #open: Block | undefined;
  #waiting: Block[] = [];
  #index = -1;
  #isRefused = false;
  /** Of everything the model wrote. */
  #length = 0;

  constructor(body: JsonObject) {
    this.#body = body;
  }

  push(event: ServerSentEvent): string {
    let text = '';
    for (const piece of this.#reader.read(event)) text += this.#translate(piece);
    return text;
  }

  #translate(piece: ChatPiece): string {
    switch (piece.kind) {
      case 'start':
        return this.#start(piece);
      case 'reasoning':
        return this.#append('thinking', piece.text);
      case 'text':
        return this.#append('text', piece.text);
      case 'refusal':
        this.#isRefused = true;
        return this.#append('text', piece.text);
      case 'call':
        return this.#startCall(piece);
      case 'arguments':
        return this.#continueCall(piece);
      case 'end':
        return this.#finish(piece);
      default:
        return piece satisfies never;
    }
  }

  /** What was used is known only at the end, and then said by `message_delta`; until then there is an estimate. */
  #start(head: { id: string; model: string }): string {
    const usage = messageUsage({ ...noUsage, prompt: estimatedTokenCount(this.#body).input_tokens });
    const message = { ...messageHead(head), usage: fullUsage(usage) };
    return namedEvent('message_start', JSON.stringify({ type: 'message_start', message }));
  }

  #append(kind: 'thinking' | 'text', text: string): string {
    const last = this.#waiting.at(-1) ?? this.#open;
    if (last?.kind === kind) return this.#write(last, text);
    const start = kind === 'text' ? { type: 'text', text: '', citations: null } : emptyThinking;
    const block: Block = { kind, start, text: '', state: 'waiting' };
    return this.#add(block) + this.#write(block, text);
  }

  #startCall({ call, id, name }: { call: number; id: string; name: string }): string {
    const start = { type: 'tool_use', id, name, input: {}, caller: { type: 'direct' } };
    const block: Block = { kind: 'tool', start, text: '', state: 'waiting' };
    this.#calls.set(call, block);
    return this.#add(block);
  }

  #continueCall({ call, text }: { call: number; text: string }): string {
    const block = this.#calls.get(call);
    return block ? this.#write(block, text) : '';
  }

  #add(block: Block): string {
    if (this.#waiting.length > 0 || (this.#open && !mayEnd(this.#open))) {
      this.#waiting.push(block);
      return '';
    }
    return this.#closeOpen() + this.#openBlock(block);
  }

  #write(block: Block, text: string): string {
    this.#length += text.length;
    if (block.state === 'closed') {
      if (text.trim() !== '') throw garbage('it continues a tool call that was complete');
      return '';
    }
    if (block.kind === 'tool' || block.state === 'waiting') block.text += text;
    return block.state === 'open' ? this.#delta(block, text) : '';
  }

  #openBlock(block: Block): string {
    this.#index += 1;
    this.#open = block;
    block.state = 'open';
    const event = { type: 'content_block_start', index: this.#index, content_block: block.start };
    return namedEvent('content_block_start', JSON.stringify(event)) + (block.text && this.#delta(block, block.text));
  }

  #delta(block: Block, text: string): string {
    const [type, member] = deltaOf[block.kind];
    return namedEvent(
      'content_block_delta',
      `{"type":"content_block_delta","index":${this.#index},"delta":{"type":"${type}","${member}":${JSON.stringify(text)}}}`,
    );
  }

  #closeOpen(): string {
    if (!this.#open) return '';
    this.#open.state = 'closed';
    this.#open = undefined;
    return namedEvent('content_block_stop', `{"type":"content_block_stop","index":${this.#index}}`);
  }

  /** A vendor that says nothing of usage has not worked for nothing. */
  #estimate(): ChatUsage {
    const prompt = estimatedTokenCount(this.#body).input_tokens;
    return { ...noUsage, prompt, completion: Math.ceil(this.#length / charactersPerToken) };
  }

  #finish({ finishReason, usage }: Extract<ChatPiece, { kind: 'end' }>): string {
    let text = this.#closeOpen();
    for (const block of this.#waiting) text += this.#openBlock(block) + this.#closeOpen();
    const delta = {
      stop_reason: this.#isRefused ? 'refusal' : stopReason(finishReason),
      stop_sequence: null,
      stop_details: null,
      container: null,
    };
    const event = { type: 'message_delta', delta, usage: messageUsage(usage ?? this.#estimate()) };
    text += namedEvent('message_delta', JSON.stringify(event));
    return text + namedEvent('message_stop', '{"type":"message_stop"}');
  }
}

const emptyThinking = { type: 'thinking', thinking: '', signature: '' };

function mayEnd(block: Block): boolean {
  return block.kind !== 'tool' || (block.text !== '' && objectInText(block.text) !== undefined);
}
