import { Readable } from 'node:stream';
import { AppError } from '#shared/http/error.ts';
import type { EventTranslator, ServerSentEvent } from './protocol.ts';
import { ServerSentEventParser } from './server-sent-events.ts';

/**
 * The caller's bytes of a vendor's event stream, as they come. Ends when the vendor's bytes end, whether or not they
 * were complete: the translator writes the last event of the caller's protocol only when the vendor wrote its own. An
 * error (the vendor's connection, or what the translator throws) destroys it, but only after everything before the
 * error has been read. Destroying it destroys the vendor's stream at once.
 */
export class TranslatedEvents extends Readable {
  readonly #vendor: Readable;
  readonly #translator: EventTranslator;
  readonly #parser = new ServerSentEventParser();
  #hasEnded = false;
  #failure: Error | undefined;

  constructor(vendor: Readable, translator: EventTranslator) {
    super();
    this.#vendor = vendor;
    this.#translator = translator;
    vendor.on('data', (chunk: Uint8Array) => this.#translate(() => this.#parser.push(chunk)));
    vendor.once('end', () => this.#end());
    vendor.on('error', (cause) => this.#fail(cause));
    vendor.once('close', () => this.#fail(brokenOff()));
    vendor.pause();
  }

  override _read(): void {
    this.#vendor.resume();
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    if (this.#failure) this.#destroyWhenRead(this.#failure);
    return chunk;
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#hasEnded = true;
    this.#vendor.destroy();
    callback(error);
  }

  #translate(events: () => ServerSentEvent[]): void {
    if (this.#hasEnded) return;
    let text = '';
    let failure: unknown;
    try {
      for (const event of events()) text += this.#translator.push(event);
    } catch (error) {
      failure = error;
    }
    if (text !== '' && !this.push(text)) this.#vendor.pause();
    if (failure) this.#fail(failure);
  }

  #end(): void {
    this.#translate(() => this.#parser.end());
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.push(null);
  }

  #fail(cause: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#failure = cause instanceof Error ? cause : brokenOff(cause);
    this.#vendor.destroy();
    this.#destroyWhenRead(this.#failure);
  }

  /** Not at once: whoever just read may put it back, to look at it again. */
  #destroyWhenRead(failure: Error): void {
    process.nextTick(() => {
      if (this.readableLength === 0) this.destroy(failure);
    });
  }
}

export function brokenOff(cause?: unknown): AppError {
  return new AppError('upstream_failed', 'The provider broke off its answer', { cause, sideEffectPossible: true });
}
