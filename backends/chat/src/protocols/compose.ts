import type { EventTranslator, JsonObject, ServerSentEvent, Translation } from './protocol.ts';
import { ServerSentEventParser } from './server-sent-events.ts';

/**
 * A translation by way of a protocol that neither caller nor vendor speaks: `outer`'s vendor is `inner`'s caller. What
 * has no place in the one between is refused by `outer`, or dropped as its table says.
 */
export function compose(outer: Translation, inner: Translation): Translation {
  /** Made once for the vendor, with its model; for reading its answer any model will do. */
  const between = (body: JsonObject): JsonObject => outer.request(body, { model: '', maxOutputTokens: 1 });
  return {
    caller: outer.caller,
    vendor: inner.vendor,
    request: (body, options) => inner.request(outer.request(body, options), options),
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
