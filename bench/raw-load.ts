import { connect, type Socket } from 'node:net';
import { fromSomewhere } from './bench-stack.ts';

export type RawLoad = {
  url: string;
  connections: number;
  requests: number;
  /** The status that every answer must have. */
  status: number;
  /** The API key of a request. */
  key: (index: number) => string;
};

const headEnd = Buffer.from('\r\n\r\n');

/**
 * Requests without a body as bytes over sockets: an HTTP client costs more than refusing a request does, and would
 * measure itself. Gives how long it took, in seconds.
 */
export async function rawLoad(options: RawLoad): Promise<number> {
  const { hostname, port } = new URL(options.url);
  const sockets = await Promise.all(Array.from({ length: options.connections }, () => opened(hostname, Number(port))));
  let next = 0;
  const startedAt = performance.now();
  try {
    await Promise.all(sockets.map((socket) => drive(socket, options, () => (next < options.requests ? next++ : null))));
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  return (performance.now() - startedAt) / 1_000;
}

const somewhere = Object.entries(fromSomewhere)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('');

function drive(socket: Socket, { key, status }: RawLoad, next: () => number | null): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const send = (): void => {
      const index = next();
      if (index === null) resolve();
      else socket.write(`GET /v1/models HTTP/1.1\r\nhost: bench\r\n${somewhere}x-api-key: ${key(index)}\r\n\r\n`);
    };
    socket.on('data', (part) => {
      answer = answer.length === 0 ? part : Buffer.concat([answer, part]);
      const length = lengthOf(answer);
      if (length === null || answer.length < length) return;
      const line = answer.toString('latin1', 0, 12);
      if (line !== `HTTP/1.1 ${status}`) reject(new Error(`instead of ${status} came ${answer.toString('latin1')}`));
      answer = answer.subarray(length);
      send();
    });
    socket.once('error', reject).once('close', () => reject(new Error('the connection was closed')));
    send();
  });
}

/** How long the answer is in all, or null while its head is not complete. */
function lengthOf(answer: Buffer): number | null {
  const end = answer.indexOf(headEnd);
  if (end < 0) return null;
  const length = /\r\ncontent-length: *(\d+)/i.exec(answer.toString('latin1', 0, end))?.[1];
  if (length === undefined) throw new Error('an answer has no content-length');
  return end + headEnd.length + Number(length);
}

function opened(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.once('error', reject).once('connect', () => resolve(socket));
  });
}
