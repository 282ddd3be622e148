import type { Readable } from 'node:stream';
import { AppError } from '#shared/http/error.ts';
import { brokenOff } from '../protocols/translated-events.ts';
import { clientGone, silent } from './deadline.ts';
import { closedEvent, endsWithBlankLine, lineStart } from './event-lines.ts';
import type { RelayOptions, RelayOutcome } from './relay-options.ts';
import type { Reading } from './stream-reader.ts';

const maxLineBytes = 16 * 1024 * 1024;
const newline = 10;
/** Of two line ends. */
const tailBytes = 4;
const keepAlive = ': keep-alive\n\n';
const heartbeat = ':\n\n';

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
  /** The last bytes that were sent, and perhaps some before them. */
  #tail: Buffer = Buffer.alloc(0);
  /** Whether the event that ends a complete stream has been read. */
  #isComplete = false;
  /** The end of a complete stream, as long as it waits: for `beforeEnd`, or a turn of the loop for its provider's end. */
  #lastBlock: Buffer | undefined;
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
    this.#silentMs = 0;
    this.#watch();
    body.on('data', (chunk: Buffer) => this.#onData(chunk));
    body.once('end', () => this.#onEnd());
    body.on('error', (cause) => this.fail(cause));
    body.once('close', () => this.#onEnd());
    if (body.destroyed) this.fail(body.errored);
  }

  /** Begins the client's answer before there is anything to send: from now on errors are events. */
  open(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#options.sink.open();
    this.#begun.resolve();
    this.#watch();
  }

  /** Ends the stream because of an error: as an HTTP error when nothing was sent yet, else as an error event. */
  fail(cause: unknown): void {
    if (this.#finished || this.#waitsForBeforeEnd()) return;
    if (this.#isComplete) return this.#complete();
    this.#break(cause);
  }

  #break(cause: unknown): void {
    const error = cause instanceof AppError ? cause : brokenOff(cause);
    if (this.#opened) this.#options.sink.writable.end(this.#errorEvent(error));
    this.#finish({ kind: 'broken', error, firstByteMs: this.#firstByteMs ?? null });
    this.#begun.reject(error);
  }

  /** The client is gone. Whoever leaves with the whole answer has not cancelled it. */
  cancel(): void {
    if (this.#finished) return;
    if (this.#isComplete && !this.#lastBlock) return this.#complete();
    this.#finish({ kind: 'cancelled', firstByteMs: this.#firstByteMs ?? null });
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
    if (this.#isComplete) return this.#passRest(block);
    const reading = this.#options.reader.read(block);
    if (reading.error !== undefined) return this.#passError(reading, reading.error);
    if (reading.terminalAt !== undefined) return this.#passEnd(reading.pass, reading.terminalAt);
    return this.#send(reading.pass);
  }

  #passError({ pass }: Reading, message: string): void {
    this.#send(pass);
    this.fail(new AppError('upstream_failed', `The provider reported an error: ${message}`));
  }

  #passEnd(block: Buffer, terminalAt: number): void {
    const { beforeEnd } = this.#options;
    this.#isComplete = true;
    if (!beforeEnd && !this.#options.sink.complete) return this.#holdForATurn(block);
    this.#send(block.subarray(0, terminalAt));
    if (!beforeEnd) {
      this.#options.sink.complete?.();
      return this.#send(block.subarray(terminalAt));
    }
    this.#lastBlock = block.subarray(terminalAt);
    beforeEnd().then(
      (last) => this.#endWith(last),
      (cause: unknown) => {
        if (!this.#finished) this.#break(cause);
      },
    );
    return undefined;
  }

  /**
   * Most providers end their answer with the same packet. Then the last events and our own end are one write instead of
   * two, for everybody on the way to the client.
   */
  #holdForATurn(block: Buffer): void {
    this.#lastBlock = block;
    setImmediate(() => {
      if (!this.#finished && this.#lastBlock) this.#send(this.#lastBlock);
      this.#lastBlock = undefined;
    });
  }

  /** Behind the end only the line may follow that closes its event. */
  #passRest(block: Buffer): void {
    const isBlank = block.every((byte) => byte === 10 || byte === 13);
    if (isBlank && this.#lastBlock) this.#lastBlock = Buffer.concat([this.#lastBlock, block]);
    else if (isBlank) this.#send(block);
  }

  #endWith(last: string): void {
    if (this.#finished) return;
    this.#send(Buffer.from(last));
    this.#options.sink.complete?.();
    if (this.#lastBlock) this.#lastBlock = closedEvent(this.#lastBlock);
    this.#complete();
  }

  #onEnd(): void {
    if (this.#finished || this.#waitsForBeforeEnd()) return;
    const rest = Buffer.concat(this.#held);
    this.#held = [];
    if (!this.#isComplete && rest.length > 0) this.#passUnended(rest);
    if (this.#finished || this.#waitsForBeforeEnd()) return;
    if (this.#isComplete) this.#complete();
    else this.fail(new AppError('upstream_failed', 'The provider ended its answer before it was complete'));
  }

  /** The last line of a stream may lack its line end only where it completes the stream. */
  #passUnended(rest: Buffer): void {
    const { pass, terminalAt } = this.#options.reader.readUnended(rest);
    if (terminalAt !== undefined) this.#passEnd(pass, terminalAt);
  }

  #waitsForBeforeEnd(): boolean {
    return this.#lastBlock !== undefined && this.#options.beforeEnd !== undefined;
  }

  #complete(): void {
    this.open();
    this.#options.sink.writable.end(this.#lastBlock);
    this.#finish({ kind: 'completed', firstByteMs: this.#firstByteMs ?? 0 });
  }

  #finish(outcome: RelayOutcome): void {
    this.#finished = true;
    if (outcome.kind !== 'completed') this.#options.sink.broken?.();
    clearTimeout(this.#timer);
    this.#held = [];
    this.#body?.destroy();
    this.#options.onFinished(outcome);
  }

  #send(block: Buffer): void {
    if (block.length === 0) return;
    this.open();
    this.#tail = block.length < tailBytes ? Buffer.concat([this.#tail.subarray(-tailBytes), block]) : block;
    if (!this.#options.sink.writable.write(block)) this.#body?.pause();
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

  #errorEvent(error: AppError): string {
    return `${this.#atBoundary() ? '' : '\n\n'}${this.#options.errorEvent(error)}`;
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
    const { keepAliveMs, heartbeatMs, idleMs } = this.#options.limits;
    const untilKeepAlive = keepAliveMs - (this.#silentMs % keepAliveMs);
    const tick = this.#opened ? Math.min(heartbeatMs, untilKeepAlive) : untilKeepAlive;
    // Before the first byte somebody else decides how long to wait, and whom to ask next.
    return this.#body ? Math.min(tick, idleMs - this.#silentMs) : tick;
  }

  #onSilence(): void {
    // A client that does not read stops us from reading; that is not the provider's silence, and total time ends it.
    if (this.#body?.isPaused() || this.#lastBlock) return this.#watch();
    this.#silentMs += this.#tickMs;
    if (this.#body && this.#silentMs >= this.#options.limits.idleMs) return this.fail(silent(this.#silentMs));
    // Behind the end of a complete stream nothing may stand, not even a comment.
    if (this.#atBoundary() && !this.#isComplete) {
      this.open();
      this.#options.sink.writable.write(
        this.#silentMs % this.#options.limits.keepAliveMs === 0 ? keepAlive : heartbeat,
      );
    }
    return this.#watch();
  }
}

function ignore(): void {
  // The stream is being thrown away.
}
