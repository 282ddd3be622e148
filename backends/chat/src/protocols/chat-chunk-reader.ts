import { newId } from '#shared/id.ts';
import type { JsonObject } from '#shared/json.ts';
import {
  type ChatAnswer,
  type ChatUsage,
  finishReasonOf,
  readChatUsage,
  readHead,
  reasoningText,
} from './chat-answer-reader.ts';
import type { ServerSentEvent } from './protocol.ts';
import { vendorErrorEvent } from './vendor-error-event.ts';
import { garbage, objectOf, optionalArray, optionalObject, optionalText, parseEventData } from './vendor-reading.ts';

/** What a chunk adds to the answer. `call` counts the tool calls from 0, in the order in which they began. */
export type ChatPiece =
  | ({ kind: 'start' } & Pick<ChatAnswer, 'id' | 'created' | 'model'>)
  | { kind: 'reasoning' | 'text' | 'refusal'; text: string }
  | { kind: 'call'; call: number; id: string; name: string }
  | { kind: 'arguments'; call: number; text: string }
  | { kind: 'end'; finishReason: string; usage: ChatUsage | null };

type KnownCall = { call: number; id: string };

/** Reads a chat completion's event stream. Only `[DONE]` makes an end; usage comes with or after the last chunk. */
export class ChatChunkReader {
  #hasStarted = false;
  #isDone = false;
  #finishReason = '';
  #usage: ChatUsage | null = null;
  /** By the index that the vendor gives them. */
  readonly #calls = new Map<unknown, KnownCall>();
  #lastCall: KnownCall | undefined;
  #callCount = 0;

  read({ data }: ServerSentEvent): ChatPiece[] {
    if (this.#isDone) return [];
    if (data === '[DONE]') return [this.#end()];
    const chunk = parseEventData(data);
    if (chunk['error'] !== undefined && chunk['error'] !== null) throw vendorErrorEvent(chunk['error']);
    this.#usage = readChatUsage(chunk['usage']) ?? this.#usage;
    const [choice] = optionalArray(chunk['choices'], 'choices');
    if (choice === undefined) return [];
    const pieces: ChatPiece[] = [];
    if (!this.#hasStarted) pieces.push({ kind: 'start', ...readHead(chunk) });
    this.#hasStarted = true;
    this.#readChoice(objectOf(choice, 'a choice'), pieces);
    return pieces;
  }

  #readChoice(choice: JsonObject, pieces: ChatPiece[]): void {
    this.#finishReason = optionalText(choice['finish_reason'], 'finish_reason') || this.#finishReason;
    const delta = optionalObject(choice['delta'], 'delta');
    if (!delta) return;
    addText(pieces, 'reasoning', reasoningText(delta));
    addText(pieces, 'text', optionalText(delta['content'], 'content'));
    addText(pieces, 'refusal', optionalText(delta['refusal'], 'refusal'));
    for (const call of optionalArray(delta['tool_calls'], 'tool_calls')) {
      this.#readCall(objectOf(call, 'a tool call'), pieces);
    }
  }

  #readCall(delta: JsonObject, pieces: ChatPiece[]): void {
    const called = optionalObject(delta['function'], 'the function of a tool call') ?? {};
    const id = optionalText(delta['id'], 'the id of a tool call');
    const name = optionalText(called['name'], 'the name of a tool');
    let known = this.#known(delta['index'], { id, name });
    if (!known) {
      if (name === '') throw garbage('a tool call has no name');
      known = { call: this.#callCount, id: id || newId('call') };
      this.#callCount += 1;
      this.#calls.set(delta['index'], known);
      pieces.push({ kind: 'call', call: known.call, id: known.id, name });
    }
    this.#lastCall = known;
    const text = optionalText(called['arguments'], 'the arguments of a tool call');
    if (text !== '') pieces.push({ kind: 'arguments', call: known.call, text });
  }

  /** Some vendors leave the index out, or give all calls the same one: a new id with a name is a new call. */
  #known(index: unknown, { id, name }: { id: string; name: string }): KnownCall | undefined {
    const isContinued = index === undefined && id === '' && name === '';
    const known = isContinued ? this.#lastCall : this.#calls.get(index);
    const isOther = known !== undefined && id !== '' && name !== '' && id !== known.id;
    return isOther ? undefined : known;
  }

  #end(): ChatPiece {
    if (!this.#hasStarted) throw garbage('it ended before it began');
    this.#isDone = true;
    return {
      kind: 'end',
      finishReason: finishReasonOf(this.#finishReason, this.#callCount),
      usage: this.#usage,
    };
  }
}

function addText(pieces: ChatPiece[], kind: 'reasoning' | 'text' | 'refusal', text: string): void {
  if (text !== '') pieces.push({ kind, text });
}
