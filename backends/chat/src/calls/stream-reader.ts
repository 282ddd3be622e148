import { isObject, parsedJson, type JsonObject } from '#shared/json.ts';
import { dataAt, eventEnd, lengthOfString, lineEnd, lineStart } from './event-lines.ts';
import { mergeUsage, type ReportedUsage } from './reported-usage.ts';
import type { StreamDialect } from './stream-dialect.ts';

export type StreamReaderOptions = {
  /** The caller did not ask for an event with nothing but usage; we did. */
  hidesUsage: boolean;
  /** Gets every event's data, for those who need what the model wrote. Parsing it all costs several times as much. */
  onData?: (data: string) => void;
};

const errorNeedle = Buffer.from('"error"');
const failedNeedle = Buffer.from('"response.failed"');
const usageNeedle = Buffer.from('"usage"');
const dataNeedle = Buffer.from('data:');
const openBrace = 123;

/** What a block of whole lines holds. */
export type Reading = {
  /** What the caller is to get: nearly always the block itself. */
  pass: Buffer;
  /** The vendor's own error; what stood before it is in `pass`. */
  error?: string;
  /** Where in `pass` the event begins that says that the stream is complete. */
  terminalAt?: number;
};

/**
 * Reads a stream beside its bytes: whether it is complete, whether it reports an error, what it used. Blocks that hold
 * none of this, nearly all of them, cost a few searches and no parsing.
 */
export class StreamReader {
  #usage: ReportedUsage | undefined;
  #textBytes = 0;
  readonly #dialect: StreamDialect;
  readonly #options: StreamReaderOptions;

  constructor(dialect: StreamDialect, options: StreamReaderOptions) {
    this.#dialect = dialect;
    this.#options = options;
  }

  get usage(): ReportedUsage | undefined {
    return this.#usage;
  }

  /** Of what the model wrote so far: what is left to count by where the vendor never said. */
  get textBytes(): number {
    return this.#textBytes;
  }

  read(block: Buffer): Reading {
    // One character for each byte: to search in text costs a tenth of what it costs in a Buffer.
    const text = block.toString('latin1');
    const garbageAt = findGarbage(text);
    if (garbageAt !== -1 || this.#options.onData || this.#dialect.notable.test(text)) {
      return this.#readClosely(block, text, garbageAt);
    }
    this.#countText(text);
    return { pass: block };
  }

  /** The same for a last line without an end, which may be all of the event that it is, or the beginning. */
  readUnended(block: Buffer): Reading {
    const { terminalAt, ...reading } = this.read(block);
    const data = terminalAt === undefined ? undefined : dataAt(block, block.length);
    const isWhole = data !== undefined && (data.trimEnd() === '[DONE]' || parsedJson(data) !== undefined);
    return isWhole && terminalAt !== undefined ? { ...reading, terminalAt } : reading;
  }

  #readClosely(block: Buffer, text: string, garbageAt: number): Reading {
    const found =
      this.#findError(block, errorNeedle) ?? this.#findError(block, failedNeedle) ?? garbage(block, garbageAt);
    const sound = found ? block.subarray(0, found.start) : block;
    this.#countText(found ? text.slice(0, found.start) : text);
    if (this.#options.onData) this.#tell(sound, this.#options.onData);
    const pass = this.#readUsage(sound);
    if (found) return { pass, error: found.message };
    const terminalAt = this.#terminalAt(pass);
    return terminalAt === -1 ? { pass } : { pass, terminalAt };
  }

  #findError(block: Buffer, needle: Buffer): { start: number; message: string } | undefined {
    for (let at = block.indexOf(needle); at !== -1; at = block.indexOf(needle, lineEnd(block, at))) {
      const event = objectAt(block, at);
      const message = event && this.#dialect.errorOf(event);
      if (message !== undefined) return { start: eventStart(block, at), message };
    }
    return undefined;
  }

  #readUsage(block: Buffer): Buffer {
    for (let at = block.indexOf(usageNeedle); at !== -1; at = block.indexOf(usageNeedle, at + 1)) {
      if (!isFollowedByObject(block, at + usageNeedle.length)) continue;
      const event = objectAt(block, at);
      const usage = event && this.#dialect.usageOf(event);
      if (!event || !usage) continue;
      this.#usage = mergeUsage(this.#usage, usage);
      if (!this.#options.hidesUsage || !this.#dialect.isUsageOnly(event)) continue;
      const rest = block.subarray(eventEnd(block, lineEnd(block, at)));
      return Buffer.concat([block.subarray(0, lineStart(block, at)), rest]);
    }
    return block;
  }

  /** A model may write what the last event is, and that event come right behind it. */
  #terminalAt(block: Buffer): number {
    for (const needle of this.#dialect.terminalNeedles) {
      for (let at = block.indexOf(needle); at !== -1; at = block.indexOf(needle, lineEnd(block, at))) {
        const data = dataAt(block, at);
        if (data !== undefined && this.#dialect.isTerminal(data)) return eventStart(block, at);
      }
    }
    return -1;
  }

  #countText(text: string): void {
    const { textStart } = this.#dialect;
    textStart.lastIndex = 0;
    while (textStart.test(text)) this.#textBytes += lengthOfString(text, textStart.lastIndex);
  }

  #tell(block: Buffer, onData: (data: string) => void): void {
    for (let at = block.indexOf(dataNeedle); at !== -1; at = block.indexOf(dataNeedle, lineEnd(block, at))) {
      if (lineStart(block, at) !== at && at !== 0) continue;
      const data = dataAt(block, at);
      if (data !== undefined) onData(data);
    }
  }
}

/**
 * A line of data that is no object and no `[DONE]` either. Only its ends are looked at, which is enough for what breaks
 * in practice: text that was cut, and pages of HTML.
 */
function findGarbage(text: string): number {
  for (let start = 0; start < text.length;) {
    const newlineAt = text.indexOf('\n', start);
    const end = newlineAt === -1 ? text.length : newlineAt;
    if (isGarbage(text, start, text[end - 1] === '\r' ? end - 1 : end)) return start;
    start = end + 1;
  }
  return -1;
}

/** Where lines end in CR alone, several are one here, and not judged. */
function isGarbage(text: string, start: number, end: number): boolean {
  if (text[start] !== 'd' || text[start + 4] !== ':') return false;
  const first = text[start + 5] === ' ' ? start + 6 : start + 5;
  const isObject = text[first] === '{' && text[end - 1] === '}';
  if (isObject || end <= first) return false;
  const data = text.slice(first, end);
  return !data.includes('\r') && data.trimEnd() !== '[DONE]' && !(data.startsWith('{') && data.trimEnd().endsWith('}'));
}

function garbage(block: Buffer, at: number): { start: number; message: string } | undefined {
  return at === -1 ? undefined : { start: eventStart(block, at), message: 'an event that is not JSON' };
}

/** With the `event:` line above it, where there is one. */
function eventStart(block: Buffer, at: number): number {
  const start = lineStart(block, at);
  if (start < 2) return start;
  const above = lineStart(block, start - (block[start - 2] === 13 ? 3 : 2));
  return block.toString('latin1', above, above + 6) === 'event:' ? above : start;
}

function isFollowedByObject(block: Buffer, at: number): boolean {
  return block[valueStart(block, at)] === openBrace;
}

/** Behind the colon that follows a name, and spaces. */
function valueStart(block: Buffer, at: number): number {
  let start = at;
  while (block[start] === 32 || block[start] === 58) start += 1;
  return start;
}

function objectAt(block: Buffer, at: number): JsonObject | undefined {
  const event = parsedJson(dataAt(block, at) ?? '');
  return isObject(event) ? event : undefined;
}
