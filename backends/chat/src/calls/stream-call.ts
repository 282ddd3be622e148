import type { Readable } from 'node:stream';
import type { AppError } from '#shared/http/error.ts';
import { firstAnswer } from './attempts.ts';
import { TranslatedEvents } from '../protocols/translated-events.ts';
import type { Call, Spent, Target } from './call.ts';
import type { CallsOptions, StreamExtras } from './calls.ts';
import { createAttemptDeadline } from './deadline.ts';
import { EventStreamRelay } from './event-stream-relay.ts';
import { firstBytes } from './first-bytes.ts';
import { asksForUsage } from './provider-request.ts';
import type { EventSink, RelayOutcome } from './relay-options.ts';
import { reasonOf, requestFor, settleCall, type RunningCall } from './running-call.ts';
import { spentNothing, spentOn } from './spending.ts';
import { startCall } from './start-call.ts';
import { streamDialects } from './stream-dialects.ts';
import { StreamReader } from './stream-reader.ts';

export type StreamRequest = { call: Call; sink: EventSink; extras: StreamExtras };

/** A stream in the caller's protocol; resolves when the caller's answer has begun. */
export async function streamCall(options: CallsOptions, request: StreamRequest): Promise<void> {
  const running = await startCall(options, request.call);
  request.extras.onAdmitted?.(running.admitted);
  const stream = new RunningStream(options, request, running);
  await stream.run();
}

/** What belongs together while a stream runs: the relay to the caller, and whoever answers at the moment. */
class RunningStream {
  readonly #options: CallsOptions;
  readonly #request: StreamRequest;
  readonly #running: RunningCall;
  readonly #reader: StreamReader;
  readonly #relay: EventStreamRelay;
  #target: Target | null = null;
  #attemptStartedAt = 0;

  constructor(options: CallsOptions, request: StreamRequest, running: RunningCall) {
    const { call, sink, extras } = request;
    const dialect = streamDialects[call.protocol];
    this.#options = options;
    this.#request = request;
    this.#running = running;
    this.#reader = new StreamReader(dialect, {
      hidesUsage: !asksForUsage(call),
      ...(extras.onData && { onData: extras.onData }),
    });
    this.#relay = new EventStreamRelay({
      sink,
      limits: options.limits,
      reader: this.#reader,
      errorEvent: dialect.errorEvent,
      ...(extras.beforeEnd && { beforeEnd: () => this.#beforeEnd() }),
      onFinished: (outcome) => this.#onFinished(outcome),
    });
  }

  async run(): Promise<void> {
    const { limits, breakers } = this.#options;
    const { signal } = this.#running.deadline;
    signal.addEventListener('abort', () => this.#onAbort(signal));
    if (this.#request.extras.opensAtOnce) this.#relay.open();
    const timeLeftMs = this.#running.deadline.leftMs;
    const attempts = { limits, breakers, signal, timeLeftMs, watcher: this.#request.extras.watcher ?? {} };
    firstAnswer(attempts, this.#running.targets, (target) => this.#attempt(target)).then(
      ({ value }) => this.#relay.attach(value),
      (error: unknown) => this.#relay.fail(error),
    );
    await this.#relay.started;
  }

  async #attempt(target: Target): Promise<Readable> {
    const { call, deadline } = this.#running;
    const attempt = createAttemptDeadline(deadline.signal, this.#options.limits.firstByteMs);
    this.#attemptStartedAt = performance.now();
    try {
      const request = await requestFor(this.#options, this.#running, {
        target,
        isStream: true,
        signal: attempt.signal,
      });
      const events = await target.provider.stream(request);
      const own = target.translation ? new TranslatedEvents(events, target.translation.stream(call.body)) : events;
      const body = await firstBytes(own, streamDialects[call.protocol], attempt.signal);
      this.#target = target;
      return body;
    } catch (cause) {
      const error = reasonOf(attempt.signal) ?? cause;
      this.#measure(target, call.clientLeft.aborted ? 'cancelled' : 'failed', error, null);
      throw error;
    } finally {
      attempt.begun();
    }
  }

  #onAbort(signal: AbortSignal): void {
    if (this.#request.call.clientLeft.aborted) this.#relay.cancel();
    else this.#relay.fail(signal.reason);
  }

  async #beforeEnd(): Promise<string> {
    const target = this.#target;
    const { beforeEnd } = this.#request.extras;
    return target && beforeEnd ? await beforeEnd({ target, spent: this.#spent(target) }) : '';
  }

  #onFinished(outcome: RelayOutcome): void {
    const target = this.#target;
    const spent = target ? this.#spent(target) : spentNothing;
    const { firstByteMs } = outcome;
    const error = outcome.kind === 'broken' ? outcome.error : null;
    if (target) this.#tellProvider(target, outcome, error);
    if (outcome.kind !== 'completed') {
      this.#request.extras.onBroken?.({ target, spent, isCancelled: outcome.kind === 'cancelled' });
    }
    const status = outcome.kind === 'broken' && !target ? 'failed' : outcome.kind;
    void settleCall(this.#options, this.#running, { target, status, error, spent, firstByteMs });
  }

  #tellProvider(target: Target, { kind, firstByteMs }: RelayOutcome, error: AppError | null): void {
    const { breakers, log } = this.#options;
    if (kind === 'completed') breakers.succeeded(target);
    if (kind === 'cancelled') breakers.released(target);
    if (error) {
      breakers.failed(target, error);
      const fields = { request_id: this.#running.call.requestId, provider: target.provider.id, model: target.model };
      log.warn('stream broke', { ...fields, code: error.code, error: error.cause });
    }
    this.#measure(target, kind === 'broken' ? 'failed' : kind, error, firstByteMs);
  }

  #measure(
    target: Target,
    outcome: 'completed' | 'failed' | 'cancelled',
    error: unknown,
    firstByte: number | null,
  ): void {
    const totalMs = performance.now() - this.#attemptStartedAt;
    const firstByteMs = firstByte === null ? null : Math.min(firstByte, totalMs);
    const { provider, card } = target;
    const { stages } = this.#running;
    this.#options.measure({ provider: provider.id, model: card.id, outcome, error, firstByteMs, totalMs, stages });
  }

  #spent(target: Target): Spent {
    return spentOn(this.#running.call, target, this.#reader.usage ?? {}, this.#reader.textBytes);
  }
}
