import type { Readable, Writable } from 'node:stream';
import { AppError, errorTable } from '#shared/http/error.ts';
import { clientGone } from './deadline.ts';
import { endsWithBlankLine, endsWithDone, findErrorEvent, lineStart } from './event-lines.ts';

/** Where the events go. `open` sends status and headers, so that an error before it is an ordinary HTTP error. */
export type EventSink = { writable: Writable; open: () => void };

export type RelayLimits = { firstByteMs: number; idleMs: number; keepAliveMs: number };

export type RelayOutcome =
  | { kind: 'completed'; firstByteMs: number }
  | { kind: 'broken'; error: AppError }
  | { kind: 'cancelled' };

export type RelayOptions = {
  sink: EventSink;
  limits: RelayLimits;
  /** Called exactly once. */
  onFinished: (outcome: RelayOutcome) => void;
};

const maxLineBytes = 16 * 1024 * 1024;
const newline = 10;
const tailBytes = 64;
const keepAlive = ': keep-alive\n\n';

/**
 * Passes a provider's event stream on as it comes and untouched, and tells the truth about how it ended. Only whole
 * lines are sent, so a cut never leaves half an event behind: unless `[DONE]` was seen, the last event is an error.
 */
export class EventStreamRelay {
  /** Resolves when the client's answer has begun; rejects when it failed before that. */
  readonly started: Promise<void>;

  readonly #options: RelayOptions;
  readonly #begun = Promise.withResolvers<void>();
  readonly #startedAt = performance.now();
  #body: Readable | undefined;
  #opened = false;
  #finished = false;
  #firstByteMs: number | undefined;
  /** The start of a line whose end has not come yet. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** The last bytes that were sent. */
  #tail: Buffer = Buffer.alloc(0);
  #silentMs = 0;
  #tickMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.started = this.#begun.promise;
    const { writable } = options.sink;
    writable.on('error', () => this.cancel());
    writable.once('close', () => this.cancel());
    writable.on('drain', () => this.#body?.resume());
    this.#watch();
  }

  /** Takes the provider's stream; before that, silence is already counted and kept alive. */
  attach(body: Readable): void {
    if (this.#finished) {
      body.on('error', ignore).destroy();
      return;
    }
    this.#body = body;
    body.on('data', (chunk: Buffer) => this.#onData(chunk));
    body.once('end', () => this.#onEnd());
    body.on('error', (cause) => this.fail(cause));
    body.once('close', () => this.#onEnd());
  }

  /** Ends the stream because of an error: as an HTTP error when nothing was sent yet, else as an error event. */
  fail(cause: unknown): void {
    if (this.#finished) return;
    if (endsWithDone(this.#tail)) return this.#complete();
    const error = cause instanceof AppError ? cause : brokenOff(cause);
    if (this.#opened) this.#options.sink.writable.end(this.#errorEvent(error));
    this.#finish({ kind: 'broken', error });
    this.#begun.reject(error);
    return undefined;
  }

  /** The client is gone. */
  cancel(): void {
    if (this.#finished) return;
    this.#finish({ kind: 'cancelled' });
    this.#begun.reject(clientGone());
  }

  #onData(chunk: Buffer): void {
    if (this.#finished) return;
    this.#firstByteMs ??= performance.now() - this.#startedAt;
    this.#heard();
    const block = this.#wholeLines(chunk);
    if (block) this.#pass(block);
  }

  #pass(block: Buffer): void {
    const error = findErrorEvent(block);
    if (!error) return this.#send(block);
    if (error.start > 0) this.#send(block.subarray(0, error.start));
    return this.fail(new AppError('upstream_failed', `The provider reported an error: ${error.message}`));
  }

  #onEnd(): void {
    if (this.#finished) return;
    const rest = Buffer.concat(this.#held);
    if (endsWithDone(rest)) this.#send(rest);
    if (endsWithDone(this.#tail)) this.#complete();
    else this.fail(new AppError('upstream_failed', 'The provider ended its answer before it was complete'));
  }

  #complete(): void {
    this.#options.sink.writable.end();
    this.#finish({ kind: 'completed', firstByteMs: this.#firstByteMs ?? 0 });
  }

  #finish(outcome: RelayOutcome): void {
    this.#finished = true;
    clearTimeout(this.#timer);
    this.#held = [];
    this.#body?.destroy();
    this.#options.onFinished(outcome);
  }

  #send(block: Buffer): void {
    this.#open();
    this.#tail =
      block.length < tailBytes ? Buffer.concat([this.#tail, block]).subarray(-tailBytes) : block.subarray(-tailBytes);
    if (!this.#options.sink.writable.write(block)) this.#body?.pause();
  }

  #open(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#options.sink.open();
    this.#begun.resolve();
  }

  /** Nearly every chunk is whole events and is passed on as it is. */
  #wholeLines(chunk: Buffer): Buffer | undefined {
    if (chunk.at(-1) === newline && this.#heldBytes === 0) return chunk;
    const end = lineStart(chunk);
    if (end === 0) return this.#hold(chunk);
    const block = Buffer.concat([...this.#held, chunk.subarray(0, end)]);
    this.#held = [];
    this.#heldBytes = 0;
    if (end < chunk.length) this.#hold(chunk.subarray(end));
    return block;
  }

  #hold(part: Buffer): undefined {
    this.#held.push(part);
    this.#heldBytes += part.length;
    if (this.#heldBytes > maxLineBytes)
      this.fail(new AppError('upstream_failed', 'The provider sent an event too large'));
  }

  #errorEvent({ message, code }: AppError): string {
    const separator = this.#atBoundary() ? '' : '\n\n';
    return `${separator}data: ${JSON.stringify({ error: { message, type: errorTable[code].type, code } })}\n\n`;
  }

  #atBoundary(): boolean {
    return this.#tail.length === 0 || endsWithBlankLine(this.#tail);
  }

  #heard(): void {
    if (this.#silentMs === 0 && this.#tickMs === this.#nextTick()) {
      this.#timer?.refresh();
      return;
    }
    this.#silentMs = 0;
    this.#watch();
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#tickMs = this.#nextTick();
    this.#timer = setTimeout(() => this.#onSilence(), this.#tickMs);
  }

  #nextTick(): number {
    return Math.min(this.#options.limits.keepAliveMs, this.#silenceLimit() - this.#silentMs);
  }

  #silenceLimit(): number {
    const { firstByteMs, idleMs } = this.#options.limits;
    return this.#firstByteMs === undefined ? firstByteMs : idleMs;
  }

  #onSilence(): void {
    // A client that does not read stops us from reading; that is not the provider's silence, and total time ends it.
    if (this.#body?.isPaused()) return this.#watch();
    this.#silentMs += this.#tickMs;
    if (this.#silentMs >= this.#silenceLimit()) return this.fail(silent(this.#silentMs));
    if (this.#atBoundary()) {
      this.#open();
      this.#options.sink.writable.write(keepAlive);
    }
    return this.#watch();
  }
}

function ignore(): void {
  // The stream is being thrown away.
}

function brokenOff(cause: unknown): AppError {
  return new AppError('upstream_failed', 'The provider broke off its answer', { cause, sideEffectPossible: true });
}

function silent(ms: number): AppError {
  return new AppError('upstream_timeout', `The provider sent nothing for ${ms} ms`, { sideEffectPossible: true });
}
