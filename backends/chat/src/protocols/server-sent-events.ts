import { StringDecoder } from 'node:string_decoder';
import type { ServerSentEvent } from './protocol.ts';
import { garbage } from './vendor-reading.ts';

/** As long as an event may be, in characters; no vendor sends any near it. */
const defaultMaxLength = 16 * 1024 * 1024;

const byteOrderMark = '\u{FEFF}';

/**
 * Reads events from bytes that come in any pieces: cut inside a character, between CR and LF, anywhere. Comments,
 * `id` and `retry` are skipped, and so is an event without data. Invalid UTF-8 becomes U+FFFD, as the standard says.
 */
export class ServerSentEventParser {
  readonly #maxLength: number;
  readonly #decoder = new StringDecoder('utf8');
  /** The start of a line whose end has not come yet. */
  #line: string[] = [];
  #event = '';
  #data: string | undefined;
  /** Of the event under way, so that one without an end cannot fill the memory. */
  #length = 0;
  #isAtStart = true;
  #endedInCarriageReturn = false;

  constructor(maxLength = defaultMaxLength) {
    this.#maxLength = maxLength;
  }

  /** The events that these bytes complete. Throws `upstream_failed` where an event is too long. */
  push(bytes: Uint8Array): ServerSentEvent[] {
    return this.pushText(this.#decoder.write(bytes));
  }

  pushText(piece: string): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    const text = this.#withPlainNewlines(piece);
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      const event = this.#take(this.#wholeLine(text.slice(start, end)));
      if (event) events.push(event);
      start = end + 1;
    }
    if (start < text.length) this.#hold(text.slice(start));
    return events;
  }

  /** At the end of the bytes: the last event, where only the blank line behind it is missing. */
  end(): ServerSentEvent[] {
    return this.pushText(`${this.#decoder.end()}\n\n`);
  }

  #withPlainNewlines(piece: string): string {
    let text = piece;
    if (this.#isAtStart && text !== '') {
      this.#isAtStart = false;
      if (text.startsWith(byteOrderMark)) text = text.slice(1);
    }
    if (this.#endedInCarriageReturn && text !== '') {
      this.#endedInCarriageReturn = false;
      if (text.startsWith('\n')) text = text.slice(1);
    }
    if (!text.includes('\r')) return text;
    this.#endedInCarriageReturn = text.endsWith('\r');
    return text.replaceAll(/\r\n?/g, '\n');
  }

  #wholeLine(rest: string): string {
    if (this.#line.length === 0) return rest;
    const line = this.#line.join('') + rest;
    this.#line = [];
    return line;
  }

  #hold(part: string): void {
    this.#line.push(part);
    this.#grow(part.length);
  }

  #grow(by: number): void {
    this.#length += by;
    if (this.#length > this.#maxLength) throw garbage('an event is too long');
  }

  /** The event that this line ends, if it is a blank one behind data. */
  #take(line: string): ServerSentEvent | undefined {
    if (line === '') return this.#dispatch();
    if (line.startsWith('data:')) {
      const value = fieldValue(line, 5);
      this.#grow(value.length);
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    } else if (line.startsWith('event:')) {
      this.#event = fieldValue(line, 6);
    } else if (line === 'data') {
      this.#data = this.#data === undefined ? '' : `${this.#data}\n`;
    }
    return undefined;
  }

  #dispatch(): ServerSentEvent | undefined {
    const data = this.#data;
    const event = this.#event || 'message';
    this.#data = undefined;
    this.#event = '';
    this.#length = 0;
    return data === undefined || data === '' ? undefined : { event, data };
  }
}

/** An event with a name, as Anthropic and OpenAI's Responses send them. */
export function namedEvent(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}

function fieldValue(line: string, start: number): string {
  return line.slice(line.charCodeAt(start) === 32 ? start + 1 : start);
}
