import { describe, expect, it } from 'vitest';
import { AppError } from '#shared/http/error.ts';
import type { JsonObject } from '#shared/json.ts';
import { estimatedTokenCount } from './count-tokens.ts';
import { chatAnswerFixture } from './fixtures/chat-answer.ts';
import { chatRequestFixture } from './fixtures/chat-request.ts';
import { messageAnswerFixture } from './fixtures/message-answer.ts';
import { messagesRequestFixture } from './fixtures/messages-request.ts';
import { responsesRequestFixture } from './fixtures/responses-request.ts';
import { dataOf, recorded } from './fixtures/translated-clients.ts';
import { translationFor } from './index.ts';
import type { Protocol, Translation } from './protocol.ts';
import { objectOf } from './vendor-reading.ts';

const options = { model: 'theirs', maxOutputTokens: 100, outputLimitField: 'max_completion_tokens' as const };
const requests: Partial<Record<Protocol, JsonObject>> = {
  'chat-completions': chatRequestFixture,
  messages: messagesRequestFixture,
  responses: { ...responsesRequestFixture, text: { format: { type: 'text' } } },
};
const answers: Partial<Record<Protocol, JsonObject>> = {
  'chat-completions': chatAnswerFixture,
  messages: messageAnswerFixture,
};
const streams: Partial<Record<Protocol, string[]>> = {
  'chat-completions': ['chat-text', 'chat-tools', 'chat-reasoning'],
  messages: ['messages-text', 'messages-tools', 'messages-thinking', 'messages-refusal'],
};

/** What may stand where something else is expected. The objects come out of JSON, as a caller's do. */
const garbage: unknown[] = [
  undefined,
  null,
  true,
  -1,
  1.5,
  1e308,
  '',
  'constructor',
  '\u{D800}',
  [],
  [null],
  [[]],
  [{}],
  {},
  JSON.parse('{"__proto__":{"type":"text"},"constructor":1,"type":"toString"}'),
  JSON.parse(`${'{"a":'.repeat(60)}1${'}'.repeat(60)}`),
];

const translations: Translation[] = [
  ['chat-completions', 'messages'] as const,
  ['messages', 'chat-completions'] as const,
  ['responses', 'chat-completions'] as const,
  ['responses', 'messages'] as const,
].flatMap(([caller, vendor]) => translationFor(caller, [vendor]) ?? []);

describe.each(translations)('garbage at any place, $caller on $vendor', (translation) => {
  const request = requests[translation.caller] ?? {};

  it('in a request is translated as JSON or refused by name, never a crash', () => {
    const outcomes = damaged(request).map((body) =>
      outcomeOf(() => JSON.stringify(translation.request(objectOf(body, 'body'), options))),
    );
    expect(new Set(outcomes)).toEqual(new Set(['fine', 'validation_failed']));
  });

  it('in an answer is read or the vendor’s fault, never a crash', () => {
    const outcomes = damaged(answers[translation.vendor]).map((answer) =>
      outcomeOf(() => JSON.stringify(translation.answer(objectOf(answer, 'answer'), request))),
    );
    expect(new Set(outcomes)).toEqual(new Set(['fine', 'upstream_failed']));
  });

  it.each(streams[translation.vendor] ?? [])(
    'in the stream %s is read or the vendor’s fault, never a crash',
    (name) => {
      const events = dataOf(String(recorded(name)).replace(/^:.*\n\n/, ''));
      const outcomes = events.flatMap((event, at) =>
        damaged(event).map((bad) => outcomeOf(() => pushAll(translation, request, events.with(at, bad)))),
      );
      expect(new Set(outcomes)).toEqual(new Set(['fine', 'upstream_failed']));
    },
  );
});

describe('garbage in a request to count', () => {
  it('is counted or refused by name, never a crash', () => {
    const outcomes = damaged(messagesRequestFixture).map((body) =>
      outcomeOf(() => estimatedTokenCount(objectOf(body, 'body'))),
    );
    expect(new Set(outcomes)).toEqual(new Set(['fine', 'validation_failed']));
  });
});

function pushAll(translation: Translation, request: JsonObject, events: unknown[]): void {
  const translator = translation.stream(request);
  let text = '';
  for (const event of events) text += translator.push({ event: 'message', data: JSON.stringify(event) ?? '' });
  text += translator.push({ event: 'message', data: '[DONE]' });
  for (const event of text.split('\n\n').slice(0, -1)) {
    if (!/^(?:event: [\w.]+\n)?data: (?:\{.*\}|\[DONE\])$/.test(event)) throw new Error(`not an event: ${event}`);
  }
}

function outcomeOf(attempt: () => unknown): string {
  try {
    attempt();
    return 'fine';
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
}

/** Copies of a value in each of which one place, at any depth, holds one piece of garbage. */
function damaged(value: unknown): unknown[] {
  return placesIn(value).flatMap((place) => garbage.map((bad) => replaced(value, place, bad)));
}

function placesIn(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [
    [name],
    ...placesIn(member).map((place) => [name, ...place]),
  ]);
}

function replaced(value: unknown, [name, ...rest]: string[], bad: unknown): unknown {
  if (name === undefined) return bad;
  if (Array.isArray(value)) return value.with(Number(name), replaced(value[Number(name)], rest, bad));
  const object = objectOf(value, 'a place');
  return { ...object, [name]: replaced(object[name], rest, bad) };
}
