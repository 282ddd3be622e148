import { createHash } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** Makes a server answer WebSocket upgrades (RFC 6455) with an echo of short texts. Chooses the first subprotocol. */
export function echoWebSockets(server: Server, onUpgrade: (request: IncomingMessage) => void): void {
  server.on('upgrade', (request, socket) => {
    onUpgrade(request);
    socket.on('error', () => undefined);
    socket.write(handshake(request));
    socket.on('data', (frame: Buffer) => echo(frame, socket));
  });
}

function handshake({ headers }: IncomingMessage): string {
  const accept = createHash('sha1')
    .update(`${headers['sec-websocket-key'] ?? ''}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  const [protocol] = (headers['sec-websocket-protocol'] ?? '').split(',');
  const chosen = protocol ? `sec-websocket-protocol: ${protocol}\r\n` : '';
  return `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n${chosen}\r\n`;
}

/** One masked frame of at most 125 bytes at a time, which is what the tests send; a close is answered with a close. */
function echo(frame: Buffer, socket: Duplex): void {
  const length = (frame[1] ?? 0) & 0x7f;
  const mask = frame.subarray(2, 6);
  const text = frame.subarray(6, 6 + length).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  socket.write(Buffer.concat([Buffer.from([frame[0] ?? 0, length]), text]));
  if (((frame[0] ?? 0) & 0x0f) === 8) socket.end();
}
