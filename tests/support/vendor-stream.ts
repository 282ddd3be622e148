import type { ServerResponse } from 'node:http';
import { createGzip } from 'node:zlib';
import { setImmediate as turn } from 'node:timers/promises';
import type { StreamBreak, VendorScript, WireStyle } from './vendor-script.ts';

/** One server-sent event. OpenAI names none of those of chat completions. */
export type StreamEvent = { name?: string; data: string };

export function jsonEvent(data: object, name?: string): StreamEvent {
  return { data: JSON.stringify(data), ...(name !== undefined && { name }) };
}

export type StreamAnswer = { events: readonly StreamEvent[]; error: StreamEvent };

/** The answers whose socket a script ended, so that it does not pass for the client's leaving. */
export const cutByUs = new WeakSet<ServerResponse>();

/** Sends the events as the script wants them spelled, paced and broken. */
export async function sendStream(res: ServerResponse, answer: StreamAnswer, script: VendorScript): Promise<void> {
  const { breakAfter, beforeEvent, wire = {} } = script;
  const stop = breakAfter?.events ?? Infinity;
  const sink = script.encoding === 'gzip' ? gzipSink(res) : plainSink(res);
  res.flushHeaders();
  if (wire.chunks === 'whole') {
    const whole = answer.events.slice(0, stop).map((event) => render(event, wire));
    await sink.write(Buffer.concat(whole));
  } else {
    for (const [index, event] of answer.events.slice(0, stop).entries()) {
      await beforeEvent?.(index);
      if (res.destroyed) return;
      await sendEvent(sink, event, wire);
    }
  }
  if (!breakAfter) sink.end();
  else await breaks[breakAfter.with](sink, answer, wire);
}

/** Where events go. Writing resolves when the bytes were given to the socket. */
type Sink = { res: ServerResponse; write: (bytes: Uint8Array) => Promise<void>; end: () => void };

const breaks: Record<StreamBreak, (sink: Sink, answer: StreamAnswer, wire: WireStyle) => Promise<void>> = {
  cut: async ({ res }) => {
    cutByUs.add(res);
    res.socket?.destroySoon(); // What was written still arrives; the end of the chunked body does not.
  },
  end: async (sink) => {
    sink.end();
  },
  error: async (sink, { error }, wire) => {
    await sendEvent(sink, error, wire);
    sink.end();
  },
  garbage: async (sink, { events }, wire) => {
    await sendEvent(sink, { ...events[0], data: '{"this is not JSON' }, wire);
    sink.end();
  },
  hang: async () => undefined,
};

async function sendEvent(sink: Sink, event: StreamEvent, wire: WireStyle): Promise<void> {
  const bytes = render(event, wire);
  if (wire.chunks !== 'byte') return await sink.write(bytes);
  for (const byte of bytes) {
    await sink.write(Buffer.of(byte));
    await turn(); // Else one read of the client takes many bytes together.
  }
}

function render({ name, data }: StreamEvent, { lineEnd = '\n', comments }: WireStyle): Buffer {
  const lines = [...(comments ? [': keep-alive', ''] : []), ...(name ? [`event: ${name}`] : []), `data: ${data}`, ''];
  return Buffer.from(lines.map((line) => line + lineEnd).join(''));
}

function plainSink(res: ServerResponse): Sink {
  return {
    res,
    end: () => res.end(),
    write: async (bytes) => {
      if (res.destroyed) return;
      await new Promise<void>((resolve) => {
        res.write(bytes, () => resolve());
      });
    },
  };
}

function gzipSink(res: ServerResponse): Sink {
  const gzip = createGzip();
  gzip.pipe(res);
  return {
    res,
    end: () => gzip.end(),
    write: async (bytes) => {
      gzip.write(bytes);
      await new Promise<void>((resolve) => {
        gzip.flush(() => resolve());
      });
    },
  };
}
