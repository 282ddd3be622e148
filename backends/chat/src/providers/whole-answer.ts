import type { Dispatcher } from 'undici';
import { createMeetingPoint } from '#shared/service/meeting-point.ts';

export type Head = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'>;
export type WholeAnswer = Head & { body: Buffer };

export type WholeAnswerOptions = {
  request: Dispatcher.DispatchOptions;
  signal: AbortSignal;
  /** How much of an answer that begins so is read. Past that the connection is closed, and `body` is null. */
  maxBytes: (head: Head) => number;
};

/** The answer began, and then the connection broke. */
export class BrokenOff extends Error {
  override readonly name = 'BrokenOff';
}

/**
 * Asks for an answer that is wanted whole. Half the price of undici's `request`, whose streams nobody needs here.
 * Rejects with the signal's reason when that is aborted first, with BrokenOff after the head of an answer had come, and
 * with undici's own error otherwise.
 */
export async function wholeAnswer(
  dispatcher: Dispatcher,
  options: WholeAnswerOptions,
): Promise<WholeAnswer | (Head & { body: null })> {
  const answer = await new Promise<WholeAnswer | (Head & { body: null })>((resolve, reject) => {
    const collector = new Collector(options, { resolve, reject });
    dispatcher.dispatch(options.request, collector);
  });
  await meetAnswered();
  return answer;
}

const meetAnswered = createMeetingPoint();

type Settle = {
  resolve: (answer: WholeAnswer | (Head & { body: null })) => void;
  reject: (error: unknown) => void;
};

class Collector implements Dispatcher.DispatchHandler {
  readonly #options: WholeAnswerOptions;
  readonly #settle: Settle;
  readonly #onAbort = (): void => this.#end(() => this.#settle.reject(this.#options.signal.reason));
  #controller: Dispatcher.DispatchController | undefined;
  #isOver = false;
  #head: Head | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #maxBytes = 0;

  constructor(options: WholeAnswerOptions, settle: Settle) {
    this.#options = options;
    this.#settle = settle;
    options.signal.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal.aborted) this.#onAbort();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(new Error('given up'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, statusCode: number, headers: Head['headers']): void {
    if (statusCode < 200) return;
    this.#head = { statusCode, headers };
    this.#maxBytes = this.#options.maxBytes(this.#head);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const head = this.#head;
    if (this.#isOver || !head) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) this.#end(() => this.#settle.resolve({ ...head, body: null }));
  }

  onResponseEnd(): void {
    const head = this.#head;
    if (this.#isOver || !head) return;
    this.#over();
    const [only] = this.#chunks;
    const body = only && this.#chunks.length === 1 ? only : Buffer.concat(this.#chunks, this.#bytes);
    this.#settle.resolve({ ...head, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isOver) return;
    this.#over();
    this.#settle.reject(this.#head ? new BrokenOff('The answer broke off', { cause: error }) : error);
  }

  /** Nobody wants the rest. */
  #end(settle: () => void): void {
    if (this.#isOver) return;
    this.#over();
    settle();
    this.#controller?.abort(new Error('given up'));
  }

  #over(): void {
    this.#isOver = true;
    this.#options.signal.removeEventListener('abort', this.#onAbort);
  }
}
