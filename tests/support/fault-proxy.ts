import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { pipeline, Transform } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen } from './listen.ts';

export type Faults = {
  /**
   * `timeout`: accepts, and nothing flows either way until the fault is taken back. `reset`: every connection, old
   * and new, ends with RST. `down`: the port refuses connections and the open ones are gone.
   */
  state?: 'up' | 'timeout' | 'reset' | 'down';
  /** Each of these shapes what the upstream sends to the client. */
  latencyMs?: number;
  bytesPerSecond?: number;
  /** The upstream's close reaches the client this much later. */
  slowCloseMs?: number;
  slice?: { bytes: number; delayMs: number };
  /** The connection ends after exactly this many bytes. */
  cutAfterBytes?: number;
};

export type FaultProxy = {
  port: number;
  /** Replaces all faults, for open connections too; `{}` heals. Resolved when a change of `down` has taken place. */
  set: (faults: Faults) => Promise<void>;
  /** How many clients are connected now. */
  connections: () => number;
  close: () => Promise<void>;
};

/** A TCP proxy to a port of 127.0.0.1 that does to the bytes what networks do. */
export async function createFaultProxy({ targetPort }: { targetPort: number }): Promise<FaultProxy> {
  const clients = new Set<Socket>();
  const weather = createWeather();

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on('error', () => undefined);
    if (weather.now().state === 'reset') return client.resetAndDestroy();
    clients.add(client);
    client.once('close', () => clients.delete(client));
    return relay(client, targetPort, weather);
  });
  const port = await listen(server);

  const stopListening = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const client of clients) client.resetAndDestroy();
    await closed;
  };
  return {
    port,
    connections: () => clients.size,
    set: async (faults) => {
      weather.change(faults);
      if (faults.state === 'reset') for (const client of clients) client.resetAndDestroy();
      if (faults.state === 'down') await stopListening();
      else if (!server.listening) await listen(server, port);
    },
    close: async () => {
      weather.change({});
      await stopListening();
    },
  };
}

type Weather = { now: () => Faults; change: (faults: Faults) => void; changed: () => Promise<void> };

function createWeather(): Weather {
  let faults: Faults = {};
  let turn = Promise.withResolvers<void>();
  return {
    now: () => faults,
    changed: async () => await turn.promise,
    change: (next) => {
      faults = next;
      turn.resolve();
      turn = Promise.withResolvers();
    },
  };
}

function relay(client: Socket, targetPort: number, weather: Weather): void {
  const upstream = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  upstream.on('error', () => client.resetAndDestroy());
  client.once('close', () => upstream.destroy());
  void forward(client, upstream, weather);
  void answer(upstream, client, weather);
}

/** Client to upstream: whole, but not while the network is silent. */
async function forward(client: Socket, upstream: Socket, weather: Weather): Promise<void> {
  try {
    for await (const chunk of chunks(client)) {
      await audible(weather);
      await write(upstream, chunk);
    }
    upstream.end();
  } catch {
    upstream.destroy();
  }
}

/** Upstream to client: through all the faults. */
async function answer(upstream: Socket, client: Socket, weather: Weather): Promise<void> {
  let sent = 0;
  try {
    for await (const slice of delayedSlices(upstream, weather)) {
      await audible(weather);
      const { cutAfterBytes = Infinity } = weather.now();
      await write(client, slice.subarray(0, cutAfterBytes - sent));
      sent += slice.length;
      if (sent >= cutAfterBytes) {
        client.destroySoon();
        return;
      }
      await rest(pauseAfter(slice, weather.now()));
    }
    await audible(weather);
    await rest(weather.now().slowCloseMs ?? 0);
    client.end();
  } catch {
    client.resetAndDestroy();
  }
}

async function* delayedSlices(upstream: Socket, weather: Weather): AsyncGenerator<Uint8Array> {
  for await (const { chunk, arrivedAt } of arrivals(upstream)) {
    await rest(arrivedAt + (weather.now().latencyMs ?? 0) - performance.now());
    yield* slices(chunk, weather.now().slice?.bytes);
  }
}

function pauseAfter(slice: Uint8Array, { slice: slicing, bytesPerSecond }: Faults): number {
  const transfer = bytesPerSecond === undefined ? 0 : (slice.length / bytesPerSecond) * 1_000;
  return transfer + (slicing?.delayMs ?? 0);
}

function* slices(chunk: Uint8Array, bytes = chunk.length): Generator<Uint8Array> {
  for (let start = 0; start < chunk.length; start += bytes) yield chunk.subarray(start, start + bytes);
}

/** A timer of 0 ms takes one, which a proxy without faults must not cost. */
async function rest(ms: number): Promise<void> {
  if (ms > 0) await sleep(ms);
}

async function audible(weather: Weather): Promise<void> {
  while (weather.now().state === 'timeout') await weather.changed();
}

async function write(socket: Socket, chunk: Uint8Array): Promise<void> {
  if (socket.destroyed) throw new Error('the other side is gone');
  if (socket.write(chunk)) return;
  await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
}

async function* chunks(socket: Socket): AsyncGenerator<Uint8Array> {
  const source: AsyncIterable<Uint8Array> = socket;
  yield* source;
}

type Arrival = { chunk: Uint8Array; arrivedAt: number };

/** Reads ahead, so that latency delays each chunk once and does not add up to a bandwidth limit. */
function arrivals(socket: Socket): AsyncIterable<Arrival> {
  return pipeline(
    socket,
    new Transform({
      readableObjectMode: true,
      readableHighWaterMark: 256,
      transform: (chunk: Uint8Array, _encoding, done) => done(null, { chunk, arrivedAt: performance.now() }),
    }),
    () => undefined, // The reader gets the error too.
  );
}
