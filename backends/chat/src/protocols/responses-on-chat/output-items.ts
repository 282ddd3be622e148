import type { JsonObject } from '#shared/json.ts';
import { callItem, type ItemStatus, messageItem, reasoningItem, summaryPart, textPart } from './response.ts';

/** Frames one event, with the next sequence number. */
export type Send = (type: string, fields: JsonObject) => string;

/** An item of a response's output while it is written. */
export type OutputItem = {
  begin: () => string;
  /** Its last events; none when they were sent before. */
  end: (status: ItemStatus) => string;
  item: () => JsonObject;
};

type Place = { id: string; index: number };

export class ReasoningOutput implements OutputItem {
  readonly #send: Send;
  readonly #place: Place;
  #text = '';
  #status: ItemStatus = 'in_progress';

  constructor(send: Send, place: Place) {
    this.#send = send;
    this.#place = place;
  }

  begin(): string {
    const { index } = this.#place;
    return (
      this.#send('response.output_item.added', { output_index: index, item: this.item() }) +
      this.#send('response.reasoning_summary_part.added', { ...this.#part(), part: summaryPart('') })
    );
  }

  append(text: string): string {
    this.#text += text;
    return this.#send('response.reasoning_summary_text.delta', { ...this.#part(), delta: text });
  }

  end(status: ItemStatus): string {
    if (this.#status !== 'in_progress') return '';
    this.#status = status;
    const { index } = this.#place;
    return (
      this.#send('response.reasoning_summary_text.done', { ...this.#part(), text: this.#text }) +
      this.#send('response.reasoning_summary_part.done', { ...this.#part(), part: summaryPart(this.#text) }) +
      this.#send('response.output_item.done', { output_index: index, item: this.item() })
    );
  }

  item(): JsonObject {
    return reasoningItem(this.#place.id, this.#text, this.#status);
  }

  #part(): JsonObject {
    return { item_id: this.#place.id, output_index: this.#place.index, summary_index: 0 };
  }
}

type PartKind = 'text' | 'refusal';

const partEvents = {
  text: { event: 'response.output_text', member: 'text', extra: { logprobs: [] } },
  refusal: { event: 'response.refusal', member: 'refusal', extra: {} },
} as const;

export class MessageOutput implements OutputItem {
  readonly #send: Send;
  readonly #place: Place;
  readonly #parts: { kind: PartKind; text: string }[] = [];
  #status: ItemStatus = 'in_progress';

  constructor(send: Send, place: Place) {
    this.#send = send;
    this.#place = place;
  }

  begin(): string {
    return this.#send('response.output_item.added', { output_index: this.#place.index, item: this.item() });
  }

  append(kind: PartKind, text: string): string {
    const last = this.#parts.at(-1);
    if (last?.kind === kind) return this.#delta(last, text);
    const ended = last ? this.#endPart(last) : '';
    const part = { kind, text: '' };
    this.#parts.push(part);
    const added = this.#send('response.content_part.added', { ...this.#at(), part: textPart(kind, '') });
    return ended + added + this.#delta(part, text);
  }

  end(status: ItemStatus): string {
    this.#status = status;
    const last = this.#parts.at(-1);
    const ended = last ? this.#endPart(last) : '';
    return ended + this.#send('response.output_item.done', { output_index: this.#place.index, item: this.item() });
  }

  item(): JsonObject {
    const content = this.#parts.map(({ kind, text }) => textPart(kind, text));
    return messageItem(this.#place.id, content, this.#status);
  }

  #delta(part: { kind: PartKind; text: string }, text: string): string {
    part.text += text;
    if (text === '') return '';
    const { event, extra } = partEvents[part.kind];
    return this.#send(`${event}.delta`, { ...this.#at(), delta: text, ...extra });
  }

  #endPart({ kind, text }: { kind: PartKind; text: string }): string {
    const { event, member, extra } = partEvents[kind];
    return (
      this.#send(`${event}.done`, { ...this.#at(), [member]: text, ...extra }) +
      this.#send('response.content_part.done', { ...this.#at(), part: textPart(kind, text) })
    );
  }

  /** Of the last part, the only one that is ever under way. */
  #at(): JsonObject {
    return { item_id: this.#place.id, output_index: this.#place.index, content_index: this.#parts.length - 1 };
  }
}

export class CallOutput implements OutputItem {
  readonly #send: Send;
  readonly #call: Place & { callId: string; name: string };
  #arguments = '';
  #status: ItemStatus = 'in_progress';

  constructor(send: Send, call: Place & { callId: string; name: string }) {
    this.#send = send;
    this.#call = call;
  }

  begin(): string {
    return this.#send('response.output_item.added', { output_index: this.#call.index, item: this.item() });
  }

  append(text: string): string {
    this.#arguments += text;
    return this.#send('response.function_call_arguments.delta', { ...this.#at(), delta: text });
  }

  end(status: ItemStatus): string {
    this.#status = status;
    const name = this.#call.name;
    return (
      this.#send('response.function_call_arguments.done', { ...this.#at(), name, arguments: this.#arguments }) +
      this.#send('response.output_item.done', { output_index: this.#call.index, item: this.item() })
    );
  }

  item(): JsonObject {
    return callItem(this.#call, this.#arguments, this.#status);
  }

  #at(): JsonObject {
    return { item_id: this.#call.id, output_index: this.#call.index };
  }
}
