import { AppError, type ErrorCode } from '#shared/http/error.ts';
import type { JsonObject } from '#shared/json.ts';
import type { ProviderCall } from '../completion/chat-provider.ts';
import { inlineImages } from '../images/inline-images.ts';
import type { Admitted, CallStatus } from '../money/metering.ts';
import type { Stage } from '../performance/measured-call.ts';
import { providerRequest } from './provider-request.ts';
import type { Call, Spent, Target } from './call.ts';
import type { CallsOptions } from './calls.ts';
import type { Deadline } from './deadline.ts';

/** A call that was admitted: everything that must be ended, once, whatever happens. */
export type RunningCall = {
  call: Call;
  targets: readonly Target[];
  admitted: Admitted;
  stages: Partial<Record<Stage, number>>;
  /** Null: as much as the caller asked for, or as the model gives. */
  outputCapOf: (target: Target) => number | null;
  deadline: Deadline;
  /** Gives back the place that the call took in this process. */
  giveBack: () => void;
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
  { call, targets, admitted, deadline, giveBack, startedAt }: RunningCall,
  { target, status, error, spent, firstByteMs }: CallEnd,
): Promise<void> {
  endTime(deadline, status);
  giveBack();
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

/** Nothing runs any more behind a complete answer, and telling that to nobody costs as much as the rest of this. */
function endTime(deadline: Deadline, status: CallStatus): void {
  if (status === 'completed') deadline.done();
  else deadline.end();
}

/** What a target is sent for this call. */
export function requestFor(
  { images }: CallsOptions,
  { call, outputCapOf }: RunningCall,
  { target, isStream, signal }: { target: Target; isStream: boolean; signal: AbortSignal },
): Promise<ProviderCall> {
  const inline = async (body: JsonObject): Promise<JsonObject> => await inlineImages(body, { fetch: images, signal });
  return providerRequest(call, target, { isStream, signal, outputCap: outputCapOf(target), inlineImages: inline });
}

/** Why the deadline ended the call, if it did. */
export function reasonOf(signal: AbortSignal): AppError | undefined {
  return signal.reason instanceof AppError ? signal.reason : undefined;
}

function codeOf(error: unknown): ErrorCode {
  return error instanceof AppError ? error.code : 'upstream_failed';
}
