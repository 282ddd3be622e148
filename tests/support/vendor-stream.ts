import type { ServerResponse } from 'node:http';
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
  res.flushHeaders();
  if (wire.chunks === 'whole') {
    const whole = answer.events.slice(0, stop).map((event) => render(event, wire));
    await send(res, Buffer.concat(whole));
  } else {
    for (const [index, event] of answer.events.slice(0, stop).entries()) {
      await beforeEvent?.(index);
      if (res.destroyed) return;
      await sendEvent(res, event, wire);
    }
  }
  if (!breakAfter) res.end();
  else await breaks[breakAfter.with](res, answer, wire);
}

const breaks: Record<StreamBreak, (res: ServerResponse, answer: StreamAnswer, wire: WireStyle) => Promise<void>> = {
  cut: async (res) => {
    cutByUs.add(res);
    res.socket?.destroySoon(); // What was written still arrives; the end of the chunked body does not.
  },
  end: async (res) => {
    res.end();
  },
  error: async (res, { error }, wire) => {
    await sendEvent(res, error, wire);
    res.end();
  },
  garbage: async (res, { events }, wire) => {
    await sendEvent(res, { ...events[0], data: '{"this is not JSON' }, wire);
    res.end();
  },
  hang: async () => undefined,
};

async function sendEvent(res: ServerResponse, event: StreamEvent, wire: WireStyle): Promise<void> {
  const bytes = render(event, wire);
  if (wire.chunks !== 'byte') return await send(res, bytes);
  for (const byte of bytes) {
    await send(res, Buffer.of(byte));
    await turn(); // Else one read of the client takes many bytes together.
  }
}

function render({ name, data }: StreamEvent, { lineEnd = '\n', comments }: WireStyle): Buffer {
  const lines = [...(comments ? [': keep-alive', ''] : []), ...(name ? [`event: ${name}`] : []), `data: ${data}`, ''];
  return Buffer.from(lines.map((line) => line + lineEnd).join(''));
}

async function send(res: ServerResponse, bytes: Uint8Array): Promise<void> {
  if (res.destroyed) return;
  await new Promise<void>((resolve) => {
    res.write(bytes, () => resolve());
  });
}
