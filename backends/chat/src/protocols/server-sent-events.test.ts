import { describe, expect, it } from 'vitest';
import type { ServerSentEvent } from './protocol.ts';
import { ServerSentEventParser } from './server-sent-events.ts';

function eventsOf(bytes: Buffer, size: number): ServerSentEvent[] {
  const parser = new ServerSentEventParser();
  const events = [];
  for (let at = 0; at < bytes.length; at += size) events.push(...parser.push(bytes.subarray(at, at + size)));
  return [...events, ...parser.end()];
}

const text =
  'event: a\ndata: {"t":"ü–𝄞"}\n\n: comment\n\nid: 7\nretry: 5\ndata: one\ndata:two\ndata\n\nevent: b\n\nevent: c\ndata:\n\ndata: x\n\n';
const expected = [
  { event: 'a', data: '{"t":"ü–𝄞"}' },
  { event: 'message', data: 'one\ntwo\n' },
  { event: 'message', data: 'x' },
];

describe('reading server-sent events', () => {
  for (const [name, end] of [
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ] as const) {
    it(`is the same for pieces of every size, with ${name}`, () => {
      const bytes = Buffer.from(text.replaceAll('\n', end));
      for (let size = 1; size <= bytes.length; size++) expect(eventsOf(bytes, size)).toEqual(expected);
    });
  }

  it('is the same for a cut at every byte', () => {
    const bytes = Buffer.from(text.replaceAll('\n', '\r\n'));
    for (let cut = 0; cut <= bytes.length; cut++) {
      const parser = new ServerSentEventParser();
      expect([...parser.push(bytes.subarray(0, cut)), ...parser.push(bytes.subarray(cut))]).toEqual(expected);
    }
  });

  it('skips a byte order mark at the start, and only there', () => {
    expect(eventsOf(Buffer.from('\u{FEFF}data: \u{FEFF}x\n\n'), 1)).toEqual([{ event: 'message', data: '\u{FEFF}x' }]);
  });

  it('takes one space from a value, not two, and does not need it', () => {
    expect(eventsOf(Buffer.from('data:  x\n\ndata:y\n\n'), 99).map(({ data }) => data)).toEqual([' x', 'y']);
  });

  it('has the event whose last line the end of the bytes cut off, and no other', () => {
    expect(eventsOf(Buffer.from('data: [DONE]'), 3)).toEqual([{ event: 'message', data: '[DONE]' }]);
    expect(eventsOf(Buffer.from('data: [DONE]\n'), 3)).toEqual([{ event: 'message', data: '[DONE]' }]);
    expect(eventsOf(Buffer.from('event: message_stop\n'), 3)).toEqual([]);
  });

  it('reads bytes that are not UTF-8 as U+FFFD', () => {
    expect(eventsOf(Buffer.from([...Buffer.from('data: '), 0xff, 0x0a, 0x0a]), 1)).toEqual([
      { event: 'message', data: '\u{FFFD}' },
    ]);
  });

  it.each(['data: xxxxxxxxxxxxxxxxxxxx', 'data: xxxxxx\ndata: xxxxxx\n', ': xxxxxxxxxxxxxxxxxxxxx'])(
    'refuses an event that grows beyond the limit: %s',
    (long) => {
      const parser = new ServerSentEventParser(10);
      parser.push(Buffer.from('data: short\n\n'.repeat(20)));
      expect(() => {
        for (const byte of Buffer.from(long)) parser.push(Buffer.of(byte));
      }).toThrow(expect.objectContaining({ code: 'upstream_failed' }));
    },
  );
});
