import type { JsonObject } from '#shared/json.ts';
import { ChatChunkReader, type ChatPiece } from '../chat-chunk-reader.ts';
import type { EventTranslator, ServerSentEvent } from '../protocol.ts';
import { namedEvent } from '../server-sent-events.ts';
import { CallOutput, MessageOutput, type OutputItem, ReasoningOutput, type Send } from './output-items.ts';
import { endedResponse, headOf, responseInProgress } from './response.ts';

/**
 * OpenAI's chunks as the events of its Responses. Items may be under way side by side, so every piece is passed on when
 * it comes; each item is done at the end, except that thoughts are done when the answer begins.
 */
export class ResponseEventsOfChat implements EventTranslator {
  readonly #body: JsonObject;
  readonly #reader = new ChatChunkReader();
  readonly #items: OutputItem[] = [];
  readonly #calls: CallOutput[] = [];
  #reasoning: ReasoningOutput | undefined;
  #message: MessageOutput | undefined;
  #response: JsonObject = {};
  #id = '';
  #sequence = 0;

  constructor(body: JsonObject) {
    this.#body = body;
  }

  push(event: ServerSentEvent): string {
    let text = '';
    for (const piece of this.#reader.read(event)) text += this.#translate(piece);
    return text;
  }

  readonly #send: Send = (type, fields) => {
    const event = { type, sequence_number: this.#sequence, ...fields };
    this.#sequence += 1;
    return namedEvent(type, JSON.stringify(event));
  };

  #translate(piece: ChatPiece): string {
    switch (piece.kind) {
      case 'start':
        return this.#start(piece);
      case 'reasoning':
        return this.#think(piece.text);
      case 'text':
      case 'refusal':
        return this.#say(piece.kind, piece.text);
      case 'call':
        return this.#call(piece);
      case 'arguments':
        return this.#calls[piece.call]?.append(piece.text) ?? '';
      case 'end':
        return this.#end(piece);
      default:
        return piece satisfies never;
    }
  }

  #start(piece: Extract<ChatPiece, { kind: 'start' }>): string {
    const head = headOf(piece);
    this.#id = head.id;
    this.#response = responseInProgress(head, this.#body);
    const fields = { response: this.#response };
    return this.#send('response.created', fields) + this.#send('response.in_progress', fields);
  }

  #think(text: string): string {
    if (this.#reasoning) return this.#reasoning.append(text);
    this.#reasoning = new ReasoningOutput(this.#send, this.#place('rs'));
    return this.#begin(this.#reasoning) + this.#reasoning.append(text);
  }

  #say(kind: 'text' | 'refusal', text: string): string {
    const thought = this.#endThought();
    if (this.#message) return thought + this.#message.append(kind, text);
    this.#message = new MessageOutput(this.#send, this.#place('msg'));
    return thought + this.#begin(this.#message) + this.#message.append(kind, text);
  }

  #call({ id, name }: { id: string; name: string }): string {
    const thought = this.#endThought();
    const call = new CallOutput(this.#send, { ...this.#place('fc'), callId: id, name });
    this.#calls.push(call);
    return thought + this.#begin(call);
  }

  #endThought(): string {
    const text = this.#reasoning?.end('completed') ?? '';
    this.#reasoning = undefined;
    return text;
  }

  #place(prefix: string): { id: string; index: number } {
    const index = this.#items.length;
    return { id: `${prefix}_${this.#id}_${index}`, index };
  }

  #begin(item: OutputItem): string {
    this.#items.push(item);
    return item.begin();
  }

  #end(piece: Extract<ChatPiece, { kind: 'end' }>): string {
    const status = piece.finishReason === 'length' ? 'incomplete' : 'completed';
    let text = this.#items.length === 0 ? this.#say('text', '') : '';
    for (const item of this.#items) text += item.end(status);
    const output = this.#items.map((item) => item.item());
    const response = endedResponse(this.#response, output, piece);
    const type = response['status'] === 'completed' ? 'response.completed' : 'response.incomplete';
    return text + this.#send(type, { response });
  }
}
