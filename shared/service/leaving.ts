import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export type Leaving = {
  /** To be told of every request. */
  begun: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
  /** Resolves when nobody comes any more, at the latest after `mostMs`. */
  leave: (mostMs: number) => Promise<void>;
};

/** After so long without a request, everybody has gone elsewhere. A server that had none lately leaves at once. */
const quietMs = 250;
const lookMs = 20;
/** What proxies ask to find out who is ready. They go on asking. */
const probes = new Set(['/ready', '/health', '/version']);

/**
 * Sends clients elsewhere while the server still takes requests: each gets its answer with `Connection: close`. A server
 * that closes a kept-alive connection, or stops listening, while a request is on its way loses that request; one that
 * waits for kept-alive connections to be idle never comes to an end under load.
 */
export function createLeaving(): Leaving {
  const open = new Set<ServerResponse>();
  let isLeaving = false;
  let usedAt = -Infinity;
  return {
    begun: ({ url = '' }, outgoing) => {
      if (probes.has(url)) return;
      usedAt = performance.now();
      if (isLeaving) outgoing.shouldKeepAlive = false;
      open.add(outgoing);
      outgoing.once('close', () => open.delete(outgoing));
    },
    leave: async (mostMs) => {
      const until = performance.now() + mostMs;
      isLeaving = true;
      for (const outgoing of open) if (!outgoing.headersSent) outgoing.shouldKeepAlive = false;
      while (performance.now() < Math.min(usedAt + quietMs, until)) await sleep(lookMs);
    },
  };
}
