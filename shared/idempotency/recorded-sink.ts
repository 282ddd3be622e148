import { Writable } from 'node:stream';
import type { AnswerSink } from '../service/direct-answer.ts';
import type { Attempt } from './attempt.ts';
import type { Recording } from './recordings.ts';

/** A sink that remembers what passes through it. Whoever writes says how the stream ends, once. */
export type RecordedSink = AnswerSink & {
  /** What is written from now on is the end of a complete stream, and reaches the client once all of it is kept. */
  complete: () => void;
  /** The stream broke, or its client left: nothing is kept. */
  broken: () => void;
};

/** For requests without a key. */
export function unrecordedSink(sink: AnswerSink): RecordedSink {
  return { ...sink, complete: () => undefined, broken: () => undefined };
}

/** Passes a stream on as it comes, chunk by chunk and with its back-pressure, and keeps it for duplicates. */
export function recordedSink(sink: AnswerSink, attempt: Attempt, recording: Recording): RecordedSink {
  const stream = new RecordingStream(sink.writable, attempt, recording);
  return { ...sink, writable: stream, complete: () => stream.complete(), broken: () => stream.broken() };
}

const streamAnswer = { status: 200, headers: { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' } };

class RecordingStream extends Writable {
  readonly #target: Writable;
  readonly #attempt: Attempt;
  readonly #recording: Recording;
  #isComplete = false;
  /** The end of a complete stream: a client that has it may forget its request. */
  #held: Buffer[] = [];

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
    this.#recording.add(chunk);
    if (this.#isComplete) {
      this.#held.push(chunk);
      done();
    } else if (this.#target.write(chunk)) done();
    else this.#target.once('drain', done);
  }

  override _final(done: () => void): void {
    void this.#settled().then(() => this.#target.end(Buffer.concat(this.#held), done));
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#target.writableFinished) this.#target.destroy();
    this.broken(); // Does nothing to a stream that was kept.
    done(error);
  }

  async #settled(): Promise<void> {
    await Promise.resolve(); // Whoever ends the stream may say in the same breath that it broke.
    if (this.#isComplete) await this.#attempt.finish({ ...streamAnswer, bytes: this.#recording.bytes() });
    else this.broken();
  }
}
