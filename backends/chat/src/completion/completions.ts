import { AppError } from '#shared/http/error.ts';
import type { Logger } from '#shared/log.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';
import type { Selection } from './catalogue.ts';
import type { ProviderCall } from './chat-provider.ts';
import { clientGone, createDeadline } from './deadline.ts';
import { EventStreamRelay, type EventSink, type RelayLimits, type RelayOutcome } from './event-stream-relay.ts';

export type CompletionLimits = RelayLimits & { totalMs: number };

export type CompletionRequest = Pick<ProviderCall, 'body' | 'requestId'> & { clientLeft: AbortSignal };

export type Completions = {
  unary: (selection: Selection, request: CompletionRequest) => Promise<Uint8Array>;
  /** Resolves when the answer has begun; from then on the stream itself tells how it ended. */
  stream: (selection: Selection, request: CompletionRequest, sink: EventSink) => Promise<void>;
};

export type CompletionsOptions = { limits: CompletionLimits; health: ProviderHealthBook; log: Logger };

/** Runs completions under their time limits, and keeps the measure of every provider. */
export function createCompletions(options: CompletionsOptions): Completions {
  return {
    unary: (selection, request) => unary(options, selection, request),
    stream: (selection, request, sink) => stream(options, selection, { ...request, sink }),
  };
}

async function unary(
  { limits, health }: CompletionsOptions,
  { provider, model, card }: Selection,
  { body, requestId, clientLeft }: CompletionRequest,
): Promise<Uint8Array> {
  const deadline = createDeadline(clientLeft, limits.totalMs);
  const startedAt = performance.now();
  const call = { protocol: 'chat-completions', model, body, headers: {}, requestId } as const;
  try {
    const bytes = await provider.complete({ ...call, signal: deadline.signal });
    health.succeeded(provider.id, card.id, performance.now() - startedAt);
    return bytes;
  } catch (cause) {
    if (clientLeft.aborted) {
      health.cancelled(provider.id);
      throw clientGone();
    }
    const error = reasonOf(deadline.signal) ?? cause;
    health.failed(provider.id, error);
    throw error;
  } finally {
    deadline.end();
  }
}

async function stream(
  { limits, health, log }: CompletionsOptions,
  { provider, model, card }: Selection,
  { body, requestId, clientLeft, sink }: CompletionRequest & { sink: EventSink },
): Promise<void> {
  const deadline = createDeadline(clientLeft, limits.totalMs);
  const onFinished = (outcome: RelayOutcome): void => {
    deadline.end();
    if (outcome.kind === 'completed') return health.succeeded(provider.id, card.id, outcome.firstByteMs);
    if (outcome.kind === 'cancelled') return health.cancelled(provider.id);
    health.failed(provider.id, outcome.error);
    const { code, cause } = outcome.error;
    log.warn('stream broke', { request_id: requestId, provider: provider.id, model, code, error: cause });
    return undefined;
  };
  const call = { protocol: 'chat-completions', model, body, headers: {}, requestId } as const;
  const relay = new EventStreamRelay({ sink, limits, onFinished });
  deadline.signal.addEventListener('abort', () => {
    if (clientLeft.aborted) relay.cancel();
    else relay.fail(deadline.signal.reason);
  });
  provider.stream({ ...call, signal: deadline.signal }).then(
    (events) => relay.attach(events),
    (error: unknown) => relay.fail(error),
  );
  await relay.started;
}

/** Why the deadline ended the call, if it did. */
function reasonOf(signal: AbortSignal): AppError | undefined {
  return signal.reason instanceof AppError ? signal.reason : undefined;
}
