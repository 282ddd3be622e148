import { Writable } from 'node:stream';
import type { AnswerSink } from '../service/direct-answer.ts';
import type { Attempt } from './attempt.ts';
import type { Recording } from './recordings.ts';

/** Where a stream goes that may be kept. Whoever writes says how it ends, once; a request without a key does not ask. */
export type OnceSink = AnswerSink & {
  /** What is written from now on is the last event of a complete stream, and reaches the client once all of it is kept. */
  complete?: () => void;
  /** The stream broke, or its client left: nothing is kept. */
  broken?: () => void;
};

/** Passes a stream on as it comes, chunk by chunk and with its back-pressure, and keeps it for duplicates. */
export function recordedSink(sink: AnswerSink, attempt: Attempt, recording: Recording): Required<OnceSink> {
  const stream = new RecordingStream(sink.writable, attempt, recording);
  return { ...sink, writable: stream, complete: () => stream.complete(), broken: () => stream.broken() };
}

const streamAnswer = { status: 200, headers: { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' } };

class RecordingStream extends Writable {
  readonly #target: Writable;
  readonly #attempt: Attempt;
  readonly #recording: Recording;
  #isComplete = false;
  /** The last event of a complete stream: a client that has it may forget its request. */
  #held: Buffer = Buffer.alloc(0);
  #kept: Promise<void> | undefined;

  constructor(target: Writable, attempt: Attempt, recording: Recording) {
    super({ highWaterMark: target.writableHighWaterMark });
    this.#target = target;
    this.#attempt = attempt;
    this.#recording = recording;
    this.on('error', () => undefined); // Whoever writes may be gone already.
    target.on('error', (error) => this.destroy(error));
    target.once('close', () => this.destroy());
  }

  complete(): void {
    this.#isComplete = true;
  }

  broken(): void {
    this.#recording.end();
    void this.#attempt.release();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#isComplete) this.#hold(chunk);
    else this.#recording.add(chunk);
    if (this.#isComplete || this.#target.write(chunk)) done();
    else this.#target.once('drain', done);
  }

  override _final(done: () => void): void {
    void this.#end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#target.writableFinished) this.#target.destroy();
    this.broken(); // Does nothing to a stream that was kept.
    done(error);
  }

  /** Behind the last event only more blank lines can come, which need not be sent again. */
  #hold(chunk: Buffer): void {
    if (this.#kept) return;
    this.#recording.add(chunk);
    this.#held = Buffer.concat([this.#held, chunk]);
    // Its vendor may take its time to end the connection; a client that reads on until `[DONE]` need not wait for that.
    if (endsWithBlankLine(this.#held)) void this.#keep();
  }

  async #end(done: () => void): Promise<void> {
    if (this.#isComplete) await this.#keep();
    else this.broken();
    this.#target.end(done);
  }

  async #keep(): Promise<void> {
    this.#kept ??= this.#finished();
    await this.#kept;
  }

  async #finished(): Promise<void> {
    await Promise.resolve(); // Whoever writes the end may say in the same breath that the stream broke.
    await this.#attempt.finish({ ...streamAnswer, bytes: this.#recording.bytes() });
    if (this.#held.length > 0 && !this.#target.destroyed) this.#target.write(this.#held);
  }
}

function endsWithBlankLine(bytes: Buffer): boolean {
  return /(?:\r\n|\n|\r(?!\n)){2}$/.test(bytes.toString('latin1', bytes.length - 4));
}
