import { connect, type Socket } from 'node:net';
import { once } from 'node:events';

export type NatsMessage = {
  subject: string;
  payload: string;
  /** As on the wire, the version line included; empty where a message has none. */
  headers: string;
};

export type NatsSubscriber = {
  /** The next message that nobody has taken yet. */
  next: () => Promise<NatsMessage>;
  close: () => void;
};

/** Listens over NATS' plain TCP protocol, so that the bus is not judged by its own client library. */
export async function subscribe(tcpPort: number, subject: string): Promise<NatsSubscriber> {
  const socket = connect(tcpPort, '127.0.0.1');
  await once(socket, 'connect');
  const inbox = createInbox();
  const ready = Promise.withResolvers<void>();
  readProtocol(socket, { onMessage: inbox.put, onPong: ready.resolve });
  socket.write(`CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\nSUB ${subject} 1\r\nPING\r\n`);
  await ready.promise; // The server answers in order: from now on it knows the subscription.
  return { next: inbox.take, close: () => socket.destroy() };
}

type Handlers = { onMessage: (message: NatsMessage) => void; onPong: () => void };

function readProtocol(socket: Socket, { onMessage, onPong }: Handlers): void {
  let pending = '';
  socket.setEncoding('latin1'); // One character per byte, as the protocol counts bytes.
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    pending += String(chunk);
    for (;;) {
      const lineEnd = pending.indexOf('\r\n');
      if (lineEnd === -1) return;
      const message = /^(?:MSG (\S+) \S+|HMSG (\S+) \S+ (\d+)) (\d+)$/.exec(pending.slice(0, lineEnd));
      if (!message) {
        const line = pending.slice(0, lineEnd);
        if (line === 'PONG') onPong();
        if (line === 'PING') socket.write('PONG\r\n');
        pending = pending.slice(lineEnd + 2);
        continue;
      }
      const [, plain, withHeaders = '', headersLength = '0', length] = message;
      const start = lineEnd + 2;
      const end = start + Number(length);
      if (pending.length < end + 2) return;
      const body = start + Number(headersLength);
      const payload = Buffer.from(pending.slice(body, end), 'latin1').toString('utf8');
      onMessage({ subject: plain ?? withHeaders, payload, headers: pending.slice(start, body) });
      pending = pending.slice(end + 2);
    }
  });
}

function createInbox(): { put: (message: NatsMessage) => void; take: () => Promise<NatsMessage> } {
  const messages: NatsMessage[] = [];
  const waiting: ((message: NatsMessage) => void)[] = [];
  return {
    put: (message) => {
      const waiter = waiting.shift();
      if (waiter) waiter(message);
      else messages.push(message);
    },
    take: async () =>
      messages.shift() ??
      (await new Promise((resolve) => {
        waiting.push(resolve);
      })),
  };
}
