import { AppError, type ErrorCode } from '#shared/http/error.ts';
import type { Admitted, CallStatus } from '../money/metering.ts';
import type { Call, Spent, Target } from './call.ts';
import type { CallsOptions } from './calls.ts';
import type { Deadline } from './deadline.ts';

/** A call that was admitted: everything that must be ended, once, whatever happens. */
export type RunningCall = {
  call: Call;
  targets: readonly Target[];
  admitted: Admitted;
  deadline: Deadline;
  startedAt: number;
};

export type CallEnd = {
  target: Target | null;
  status: CallStatus;
  error: unknown;
  spent: Spent;
  firstByteMs: number | null;
};

/** Ends the call's time and writes down what became of it. Resolves when that is committed. */
export async function settleCall(
  { metering }: CallsOptions,
  { call, targets, admitted, deadline, startedAt }: RunningCall,
  { target, status, error, spent, firstByteMs }: CallEnd,
): Promise<void> {
  deadline.end();
  const asked = target ?? targets[0];
  await metering.settle(admitted, {
    operation: call.protocol,
    provider: asked?.provider.id ?? '',
    model: asked?.model ?? '',
    status,
    errorCode: status === 'completed' ? null : codeOf(error),
    usage: spent.usage,
    isEstimated: spent.isEstimated,
    costMicros: spent.costMicros,
    priceVersion: asked?.priceVersion ?? 0,
    durationMs: Math.round(performance.now() - startedAt),
    firstByteMs: firstByteMs === null ? null : Math.round(firstByteMs),
    isFallback: asked?.isFallback ?? false,
    requestId: call.requestId,
  });
}

/** Why the deadline ended the call, if it did. */
export function reasonOf(signal: AbortSignal): AppError | undefined {
  return signal.reason instanceof AppError ? signal.reason : undefined;
}

function codeOf(error: unknown): ErrorCode {
  return error instanceof AppError ? error.code : 'upstream_failed';
}
