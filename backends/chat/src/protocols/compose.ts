import { AppError } from '#shared/http/error.ts';
import type { JsonObject } from '#shared/json.ts';
import type { EventTranslator, ServerSentEvent, Translation } from './protocol.ts';
import { ServerSentEventParser } from './server-sent-events.ts';

/**
 * A translation by way of a protocol that neither caller nor vendor speaks: `outer`'s vendor is `inner`'s caller. What
 * has no place in the one between is refused by `outer`, or dropped as its table says. `names`: what the caller calls
 * the fields of the protocol between, for those that `inner` refuses.
 */
export function compose(outer: Translation, inner: Translation, names: ReadonlyMap<string, string>): Translation {
  /** Made once for the vendor, with its model; for reading its answer any model will do. */
  const between = (body: JsonObject): JsonObject =>
    outer.request(body, { model: '', maxOutputTokens: 1, outputLimitField: 'max_completion_tokens' });
  return {
    caller: outer.caller,
    vendor: inner.vendor,
    request: (body, options) => {
      const request = outer.request(body, options);
      try {
        return inner.request(request, options);
      } catch (error) {
        throw inWordsOfTheCaller(error, names);
      }
    },
    answer: (answer, body) => outer.answer(inner.answer(answer, between(body)), body),
    stream: (body) => new ComposedTranslator(inner.stream(between(body)), outer.stream(body)),
  };
}

class ComposedTranslator implements EventTranslator {
  readonly #parser = new ServerSentEventParser();
  readonly #inner: EventTranslator;
  readonly #outer: EventTranslator;

  constructor(inner: EventTranslator, outer: EventTranslator) {
    this.#inner = inner;
    this.#outer = outer;
  }

  push(event: ServerSentEvent): string {
    let text = '';
    for (const between of this.#parser.pushText(this.#inner.push(event))) text += this.#outer.push(between);
    return text;
  }
}

/** Positions are left out: they are others in the protocol between. */
function inWordsOfTheCaller(error: unknown, names: ReadonlyMap<string, string>): unknown {
  const [field] = error instanceof AppError ? (error.options.errors ?? []) : [];
  if (!field) return error;
  const [first = '', ...rest] = field.path.split('.');
  const path = [names.get(first) ?? first, ...(/^\d+$/.test(rest[0] ?? '') ? [] : rest)].join('.');
  const { message } = field;
  return new AppError('validation_failed', `${path}: ${message}`, { cause: error, errors: [{ path, message }] });
}
