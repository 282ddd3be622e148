import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import type { Attempt } from './attempt.ts';
import { recordedSink } from './recorded-sink.ts';
import { createRecordings } from './recordings.ts';

describe('a stream that is recorded', () => {
  it('passes on what comes before its end, and the end only when all of it is kept', async () => {
    const kept = Promise.withResolvers<void>();
    const { sink, target, attempt, finished } = recorded(() => kept.promise);
    sink.writable.write('begin ');
    expect(String(target.read())).toBe('begin ');
    sink.complete();
    sink.writable.write('almost ');
    sink.writable.end('done');
    expect(await finished).toBe('begin almost done');
    expect([target.read(), target.writableEnded]).toEqual([null, false]);
    kept.resolve();
    await once(target, 'readable');
    expect(String(target.read())).toBe('almost done');
    expect(target.writableEnded).toBe(true);
    expect(attempt.release).not.toHaveBeenCalled();
  });

  it('ends for its client with its last event, also while whoever writes it has not ended', async () => {
    const { sink, target, finished } = recorded();
    const whole = 'data: 1\n\ndata: [DONE]\r\n\r\n';
    let received = '';
    target.on('data', (bytes) => (received += String(bytes)));
    sink.writable.write('data: 1\n\n');
    sink.complete();
    sink.writable.write('data: [DONE]\r\n');
    sink.writable.write('\r\n');
    expect(await finished).toBe(whole);
    await vi.waitUntil(() => received === whole);
    sink.writable.end('\r\n');
    await once(target, 'end');
    expect(received).toBe(whole);
  });

  it('whose client leaves before its end is not kept', async () => {
    const { sink, target, attempt } = recorded();
    sink.writable.write('begin');
    sink.complete();
    target.destroy();
    await once(sink.writable, 'close');
    expect(attempt.release).toHaveBeenCalled();
    expect(attempt.finish).not.toHaveBeenCalled();
  });

  it('that ends without having been called complete is passed on and not kept', async () => {
    const { sink, target, attempt } = recorded();
    target.resume();
    sink.writable.end('data: 1\n\n');
    await once(target, 'end');
    expect(attempt.release).toHaveBeenCalled();
    expect(attempt.finish).not.toHaveBeenCalled();
  });

  it('closes the connection of a client whose stream is thrown away', async () => {
    const { sink, target, attempt } = recorded();
    sink.writable.destroy();
    await once(target, 'close');
    expect(attempt.release).toHaveBeenCalled();
  });

  it('leaves the connection of a client alone that has everything', async () => {
    const { sink, target } = recorded();
    target.resume();
    sink.complete();
    sink.writable.end('all');
    await once(sink.writable, 'close');
    expect([target.writableFinished, target.destroyed]).toEqual([true, false]);
  });
});

describe('recordings', () => {
  it('keep no stream that is too long, nor more than there is room for, and give the room back', () => {
    const recordings = createRecordings({ maxBytes: 10, maxTotalBytes: 15 });
    const [one, two] = [recordings.start(), recordings.start()];
    one.add(Buffer.from('0123456789'));
    two.add(Buffer.from('01234'));
    two.add(Buffer.from('5'));
    expect([String(one.bytes()), two.bytes()]).toEqual(['0123456789', null]);
    const long = recordings.start();
    long.add(Buffer.from('01'));
    one.add(Buffer.from('x'));
    expect([one.bytes(), String(long.bytes())]).toEqual([null, '01']);
    const next = recordings.start();
    next.add(Buffer.from('0123456789'));
    expect(String(next.bytes())).toBe('0123456789');
  });
});

function recorded(keep: () => Promise<void> = async () => undefined) {
  const target = new PassThrough({ autoDestroy: false });
  const answered = Promise.withResolvers<string>();
  const finish = vi.fn<Attempt['finish']>(async ({ bytes }) => {
    answered.resolve(bytes ? Buffer.from(bytes).toString() : '');
    await keep();
  });
  const attempt = { signal: new AbortController().signal, finish, release: vi.fn<Attempt['release']>() };
  const plain = {
    writable: target,
    open: () => undefined,
    setHeaders: () => undefined,
    response: () => new Response(),
  };
  const recording = createRecordings({ maxBytes: 1_000, maxTotalBytes: 1_000 }).start();
  return { sink: recordedSink(plain, attempt, recording), target, attempt, finished: answered.promise };
}
