import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as z from 'zod/mini';
import { openAiAnswer, type MockAnswer } from './mock-openai.ts';
import { anthropicAnswer } from './mock-anthropic.ts';

// A vendor that costs next to nothing, in a process of its own: OpenAI's and Anthropic's protocols over plain
// node:http. A stream has 50 chunks of text, 5 ms apart. Tells its port over IPC, and ends with its parent.

const chunkIntervalMs = 5;

const RequestBody = z.object({
  stream: z.optional(z.boolean()),
  stream_options: z.optional(z.object({ include_usage: z.optional(z.boolean()) })),
});

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    if (parts.length === 0) return response.writeHead(404).end();
    const body = RequestBody.parse(JSON.parse(Buffer.concat(parts).toString('utf8')));
    const includesUsage = body.stream_options?.include_usage ?? false;
    const answer = request.url === '/v1/messages' ? anthropicAnswer : openAiAnswer(includesUsage);
    if (body.stream) return stream(response, answer);
    return send(response, answer.whole);
  });
});

function send(response: ServerResponse, whole: Buffer): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': whole.length }).end(whole);
}

function stream(response: ServerResponse, { first, chunks, last }: MockAnswer): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let sent = 0;
  const timer = setInterval(() => {
    response.write(chunks[sent]);
    sent += 1;
    if (sent < chunks.length) return;
    clearInterval(timer);
    response.end(last);
  }, chunkIntervalMs);
  response.on('close', () => clearInterval(timer));
  response.write(first);
}

server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (isTcp(address)) process.send?.({ port: address.port });
});
process.on('disconnect', () => process.exit(0));

function isTcp(address: AddressInfo | string | null): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}
