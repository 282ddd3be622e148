import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export type RawAnswer = {
  text: string;
  /** How the connection ended; `open` when it was still up after `waitMs`. */
  ended: 'fin' | 'reset' | 'open';
};

/** Sends bytes as they are, and gives the bytes that came back until the connection ended. */
export function rawRequest(port: number, request: string | Uint8Array, waitMs = 5_000): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    const finish = (ended: RawAnswer['ended']): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, ended });
    };
    const timer = setTimeout(() => finish('open'), waitMs);
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.on('error', () => finish('reset')).on('end', () => finish('fin'));
  });
}

export type OpenRequest = {
  socket: Socket;
  /** The answer so far, as soon as it has this text. */
  until: (text: string) => Promise<string>;
};

/** A connection of which the test decides when it ends. Resolves when the request is sent. */
export async function openRequest(port: number, request: string): Promise<OpenRequest> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  const answer = { text: '' };
  socket.on('error', () => undefined).on('data', (chunk: string) => (answer.text += chunk));
  await once(socket, 'connect');
  socket.write(request);
  const until = async (text: string): Promise<string> => {
    while (!answer.text.includes(text)) await once(socket, 'data');
    return answer.text;
  };
  return { socket, until };
}

/** The body of a chunked answer, and whether its end was said: a cut stream must not look finished. */
export function chunkedBody(answer: string): { body: string; complete: boolean } {
  let rest = answer.slice(answer.indexOf('\r\n\r\n') + 4);
  let body = '';
  while (rest !== '') {
    const size = Number.parseInt(rest, 16);
    const start = rest.indexOf('\r\n') + 2;
    if (size === 0) return { body, complete: true };
    body += rest.slice(start, start + size);
    rest = rest.slice(start + size + 2);
  }
  return { body, complete: false };
}
