import { AppError } from '#shared/http/error.ts';
import { answerUsage } from './answer-usage.ts';
import { firstAnswer, type AttemptWatcher } from './attempts.ts';
import type { Call, Target } from './call.ts';
import type { Answer, CallsOptions } from './calls.ts';
import { clientGone, createAttemptDeadline, createShares } from './deadline.ts';
import { reasonOf, requestFor, settleCall, type RunningCall } from './running-call.ts';
import { spentNothing, spentOn } from './spending.ts';
import { startCall } from './start-call.ts';

/** A whole answer in the caller's protocol. */
export async function unaryCall(options: CallsOptions, call: Call, watcher: AttemptWatcher): Promise<Answer> {
  const running = await startCall(options, call);
  const { deadline, targets, admitted } = running;
  try {
    const timeLeftMs = createShares(deadline, targets);
    const { limits, breakers } = options;
    const attempts = { limits, breakers, signal: deadline.signal, watcher, timeLeftMs };
    const { target, value } = await firstAnswer(attempts, targets, (tried) =>
      attempt(options, running, { target: tried, leftMs: timeLeftMs(tried) }),
    );
    const spent = spentOn(call, target, answerUsage(vendorProtocol(call, target), value), value.length);
    void settleCall(options, running, { target, status: 'completed', error: null, spent, firstByteMs: null });
    return { bytes: forCaller(call, target, value), target, spent, admitted };
  } catch (cause) {
    if (deadline.isOver()) throw cause;
    const status = call.clientLeft.aborted ? 'cancelled' : 'failed';
    const error = call.clientLeft.aborted ? clientGone() : (reasonOf(deadline.signal) ?? cause);
    void settleCall(options, running, { target: null, status, error, spent: spentNothing, firstByteMs: null });
    throw error;
  }
}

type Attempt = { target: Target; leftMs: number };

async function attempt(options: CallsOptions, running: RunningCall, { target, leftMs }: Attempt): Promise<Uint8Array> {
  const { call, targets, deadline, stages } = running;
  const startedAt = performance.now();
  // The last one has what is left of the call's own time.
  const own = target === targets.at(-1) ? null : createAttemptDeadline(deadline.signal, leftMs);
  const { signal } = own ?? deadline;
  const measured = { provider: target.provider.id, model: target.card.id, stages };
  try {
    const request = await requestFor(options, running, { target, isStream: false, signal });
    const bytes = await target.provider.complete(request);
    const totalMs = performance.now() - startedAt;
    options.breakers.succeeded(target);
    options.measure({ ...measured, outcome: 'completed', error: null, firstByteMs: null, totalMs });
    return bytes;
  } catch (error) {
    const outcome = call.clientLeft.aborted ? 'cancelled' : 'failed';
    const reason = reasonOf(signal) ?? error;
    options.measure({ ...measured, outcome, error: reason, firstByteMs: null, totalMs: performance.now() - startedAt });
    throw reason;
  } finally {
    own?.begun();
  }
}

function vendorProtocol({ protocol }: Call, { translation }: Target): Call['protocol'] {
  return translation?.vendor ?? protocol;
}

function forCaller({ body }: Call, { translation }: Target, answer: Uint8Array): Uint8Array {
  if (!translation) return answer;
  return Buffer.from(JSON.stringify(translation.answer(parsed(answer), body)));
}

function parsed(answer: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(answer).toString('utf8'));
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch {
    // Below, with everything else that is not an object.
  }
  throw new AppError('upstream_failed', 'The provider sent an answer that is not a JSON object', {
    sideEffectPossible: true,
  });
}
