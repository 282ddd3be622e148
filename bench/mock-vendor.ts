import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// A vendor that costs next to nothing, in a process of its own: OpenAI's protocol over plain node:http. A stream has
// 50 chunks, 5 ms apart. Tells its port over IPC, and ends with its parent.

const chunkCount = 50;
const chunkIntervalMs = 5;

const completion = JSON.stringify({
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'bench',
  choices: [
    { index: 0, message: { role: 'assistant', content: 'Hello from the mock vendor.' }, finish_reason: 'stop' },
  ],
  usage: { prompt_tokens: 9, completion_tokens: 6, total_tokens: 15 },
});

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    if (Buffer.concat(parts).includes('"stream":true')) stream(response);
    else
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-length': completion.length })
        .end(completion);
  });
});

function stream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    response.write(chunk(sent));
    if (sent < chunkCount) return;
    clearInterval(timer);
    response.end('data: [DONE]\n\n');
  }, chunkIntervalMs);
  response.on('close', () => clearInterval(timer));
  response.write(chunk(0));
}

function chunk(index: number): string {
  const delta = { content: `token ${index} ` };
  const body = { id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'bench' };
  return `data: ${JSON.stringify({ ...body, choices: [{ index: 0, delta, finish_reason: null }] })}\n\n`;
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
