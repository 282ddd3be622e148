import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AppError } from '#shared/http/error.ts';
import type { EventTranslator } from './protocol.ts';
import { TranslatedEvents } from './translated-events.ts';

const broken = new AppError('unavailable', 'overloaded');

const upperCase: EventTranslator = {
  push: ({ data }) => {
    if (data === 'error') throw broken;
    return data === 'nothing' ? '' : `${data.toUpperCase()}\n`;
  },
};

/** Everything that can be read, and the error that comes behind it. */
async function readAll(stream: Readable): Promise<{ read: string; error: unknown }> {
  let read = '';
  try {
    for await (const chunk of stream) read += String(chunk);
    return { read, error: undefined };
  } catch (error) {
    return { read, error };
  }
}

describe('a translated stream', () => {
  it('ends with the vendor’s bytes', async () => {
    const stream = new TranslatedEvents(
      Readable.from([Buffer.from('data: a\n\ndata: noth'), Buffer.from('ing\n\ndata: b')]),
      upperCase,
    );
    expect(await text(stream)).toBe('A\nB\n');
  });

  it('gives what came before an error in the same piece, then the error itself, and lets the vendor go', async () => {
    const vendor = new PassThrough();
    const stream = new TranslatedEvents(vendor, upperCase);
    vendor.write('data: a\n\ndata: error\n\ndata: b\n\n');
    expect(await readAll(stream)).toEqual({ read: 'A\n', error: broken });
    expect(vendor.destroyed).toBe(true);
  });

  it('keeps what was read and put back before an error', async () => {
    const vendor = new PassThrough();
    const stream = new TranslatedEvents(vendor, upperCase);
    vendor.write('data: a\n\ndata: error\n\n');
    await once(stream, 'readable');
    stream.unshift(stream.read());
    await setImmediate();
    expect(await readAll(stream)).toEqual({ read: 'A\n', error: broken });
  });

  it('keeps what a slow reader has not read when the vendor breaks off', async () => {
    const vendor = new PassThrough();
    const stream = new TranslatedEvents(vendor, upperCase);
    stream.pause();
    stream.read(0);
    vendor.write('data: a\n\n');
    vendor.write('data: b\n\n');
    await setImmediate();
    vendor.destroy(new Error('ECONNRESET'));
    await setImmediate();
    expect(stream.destroyed).toBe(false);
    const { read, error } = await readAll(stream);
    expect(read).toBe('A\nB\n');
    expect(error).toMatchObject({ message: 'ECONNRESET' });
  });

  it('is broken, not ended, when the vendor’s connection closes without an end', async () => {
    const vendor = new PassThrough();
    const stream = new TranslatedEvents(vendor, upperCase);
    vendor.write('data: a\n\n');
    const reading = readAll(stream);
    await setImmediate();
    vendor.destroy();
    expect(await reading).toMatchObject({ read: 'A\n', error: { code: 'upstream_failed' } });
  });

  it('ends the vendor’s stream at once when it is destroyed, without an error of its own', async () => {
    const vendor = new PassThrough();
    const stream = new TranslatedEvents(vendor, upperCase);
    stream.resume();
    await setImmediate();
    stream.destroy();
    expect(vendor.destroyed).toBe(true);
    await setImmediate();
    expect(stream.errored).toBeNull();
  });

  it('stops reading from the vendor while nobody reads from it', async () => {
    const vendor = new PassThrough();
    const stream = new TranslatedEvents(vendor, upperCase);
    stream.read(0);
    vendor.write(`data: ${'x'.repeat(200_000)}\n\n`);
    await setImmediate();
    expect(vendor.isPaused()).toBe(true);
    stream.destroy();
  });
});
