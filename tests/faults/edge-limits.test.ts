import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProblemSchema } from '#shared/contracts/problem-schema.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { answerHealth, json, knownKey, startHttp, startKnowingAuth } from '../support/edge-backends.ts';

const limit = 1024 * 1024;
const cleanUp = new AsyncDisposableStack();
let edge: Edge;
/** How each request ended for the backend: with how many bytes, or cut. */
let endings: AsyncIterator<unknown[]>;
let firstBytes = Promise.withResolvers<void>();

beforeAll(async () => {
  const seen = new EventTarget();
  const queue: unknown[][] = [];
  const backend = cleanUp.use(
    await startHttp((request, response) => {
      // After a failure the gateway asks whether the backend is there at all.
      if (request.method === 'GET') return answerHealth(request, response);
      let bytes = 0;
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        firstBytes.resolve();
      });
      request.once('end', () => json(response, 200, { bytes }));
      request.once('close', () => {
        queue.push([request.complete ? bytes : 'cut']);
        seen.dispatchEvent(new Event('ending'));
      });
    }),
  );
  endings = (async function* () {
    for (;;) {
      while (queue.length === 0) await once(seen, 'ending');
      yield queue.shift() ?? [];
    }
  })();
  const auth = cleanUp.use(await startKnowingAuth());
  edge = cleanUp.use(await startEdge({ auth: auth.port, chat: backend.port, asset: backend.port }));
});
afterAll(() => cleanUp.disposeAsync());

/** Sends a body in pieces, without a declared length. `/v1/models` takes up to 1 MiB. */
async function sendChunked(bytes: number): Promise<Response> {
  const pieces = [...Array<number>(Math.floor(bytes / 65_536)).fill(65_536), bytes % 65_536].filter(Boolean);
  const body = ReadableStream.from(pieces.map((size) => new Uint8Array(size)));
  return await fetch(`${edge.url}/v1/models`, {
    method: 'POST',
    headers: { 'x-api-key': knownKey },
    body,
    duplex: 'half',
  });
}

const nextEnding = async (): Promise<unknown> => (await endings.next()).value;

describe('a chunked body', () => {
  it('passes whole when it has exactly the limit', async () => {
    const answer = await sendChunked(limit);
    expect(await answer.json()).toEqual({ bytes: limit });
    expect(await nextEnding()).toEqual([limit]);
  });

  it('is a 413 one byte over it, and a broken request to the backend, never a shorter one', async () => {
    const answer = await sendChunked(limit + 1);
    expect(answer.status).toBe(413);
    expect(ProblemSchema.parse(await answer.json()).code).toBe('payload_too_large');
    expect(await nextEnding()).toEqual(['cut']);
  });

  it('that its sender leaves half-way is never taken for a whole one', async () => {
    firstBytes = Promise.withResolvers<void>();
    const socket = connect(edge.port, '127.0.0.1');
    await once(socket, 'connect');
    const head = `POST /v1/models HTTP/1.1\r\nHost: x\r\nX-API-Key: ${knownKey}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    socket.write(`${head}5\r\nhello\r\n`);
    await firstBytes.promise;
    socket.destroy();
    expect(await nextEnding()).toEqual(['cut']);
  });
});
