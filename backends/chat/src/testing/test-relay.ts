import { PassThrough } from 'node:stream';
import { vi } from 'vitest';
import { EventStreamRelay } from '../calls/event-stream-relay.ts';
import type { RelayLimits, RelayOutcome } from '../calls/relay-options.ts';
import type { StreamDialect } from '../calls/stream-dialect.ts';
import { streamDialects } from '../calls/stream-dialects.ts';
import { StreamReader } from '../calls/stream-reader.ts';

export const chunk = 'data: {"choices":[{"delta":{"content":"ü – 𝄞"}}]}\n\n';
export const done = 'data: [DONE]\n\n';

type Setting = { highWaterMark?: number; dialect?: StreamDialect; beforeEnd?: () => Promise<string> };

/** A relay between two pipes: `body` is the provider's, `writable` the client's. */
export function testRelay(limits: Partial<RelayLimits> = {}, setting: Setting = {}) {
  const { highWaterMark = 65_536, dialect = streamDialects['chat-completions'], beforeEnd } = setting;
  const writable = new PassThrough({ highWaterMark });
  const body = new PassThrough();
  const outcomes: RelayOutcome[] = [];
  const open = vi.fn<() => void>();
  const relay = new EventStreamRelay({
    sink: { writable, open },
    reader: new StreamReader(dialect, { hidesUsage: false }),
    errorEvent: dialect.errorEvent,
    ...(beforeEnd && { beforeEnd }),
    limits: { idleMs: 60_000, keepAliveMs: 15_000, heartbeatMs: 15_000, ...limits },
    onFinished: (outcome) => void outcomes.push(outcome),
  });
  relay.started.catch(() => undefined);
  return { relay, body, writable, outcomes, open };
}
