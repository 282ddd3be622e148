import { Transform, type TransformCallback } from 'node:stream';
import { ServerSentEventParser } from '../protocols/server-sent-events.ts';
import type { ChatSink } from './answer-chat.ts';
import { chunkOf, type Chunk } from './completion-answer.ts';

/** How the events of a stream of chunks are said in another vocabulary. Each gives objects that become events. */
export type Vocabulary = {
  /** When the answer begins. */
  opening: () => object[];
  chunk: (chunk: Chunk) => object[];
  /** Before `[DONE]`. */
  closing: () => object[];
};

export type TranslatingSink = ChatSink & {
  /** Puts events between those of the stream, once it is open. */
  say: (events: readonly object[]) => void;
};

/** A sink for a stream of chunks that writes them to `target` in another vocabulary. */
export function eventSink(target: ChatSink, vocabulary: Vocabulary): TranslatingSink {
  const translator = new ChunkTranslator(vocabulary, () => target.complete?.());
  translator.on('error', () => target.writable.destroy());
  // Whoever writes hears of the target's end only through the translator; an error that nobody hears ends the process.
  target.writable.once('close', () => translator.destroy()).on('error', () => translator.destroy());
  const say = (events: readonly object[]): void => {
    if (!translator.destroyed) translator.push(framed(events));
  };
  return {
    writable: translator,
    say,
    broken: () => target.broken?.(),
    ...(target.setHeaders && { setHeaders: target.setHeaders }),
    open: () => {
      target.open();
      translator.pipe(target.writable);
      say(vocabulary.opening());
    },
  };
}

const colon = 58;

class ChunkTranslator extends Transform {
  readonly #vocabulary: Vocabulary;
  readonly #parser = new ServerSentEventParser();
  readonly #onEnd: () => void;

  constructor(vocabulary: Vocabulary, onEnd: () => void) {
    super();
    this.#onEnd = onEnd;
    this.#vocabulary = vocabulary;
  }

  override _transform(bytes: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    // Comments keep the connection open, and mean the same in every vocabulary.
    const comments = bytes[0] === colon ? (/^(?::[^\r\n]*[\r\n]+)+/.exec(bytes.toString('utf8'))?.[0] ?? '') : '';
    this.#translate(() => this.#parser.push(bytes), { comments, done });
  }

  /** A vendor may leave out the blank line behind its last event. */
  override _flush(done: TransformCallback): void {
    this.#translate(() => this.#parser.end(), { comments: '', done });
  }

  #translate(parse: () => { data: string }[], { comments, done }: { comments: string; done: TransformCallback }): void {
    try {
      done(
        null,
        comments +
          parse()
            .map(({ data }) => this.#said(data))
            .join(''),
      );
    } catch (error) {
      done(error instanceof Error ? error : new Error('an event cannot be translated', { cause: error }));
    }
  }

  #said(data: string): string {
    if (data.trimEnd() === '[DONE]') {
      this.#onEnd();
      return `${framed(this.#vocabulary.closing())}data: [DONE]\n\n`;
    }
    const chunk = chunkOf(data);
    return chunk ? framed(this.#vocabulary.chunk(chunk)) : '';
  }
}

function framed(events: readonly object[]): string {
  return events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
}
