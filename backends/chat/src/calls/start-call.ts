import type { Call, Target } from './call.ts';
import type { CallsOptions } from './calls.ts';
import { clientGone, createDeadline } from './deadline.ts';
import { planCall } from './plan-call.ts';
import { settleCall, type RunningCall } from './running-call.ts';
import { spentNothing } from './spending.ts';

/** Plans a call and waits until its caller may spend what it can cost at most. */
export async function startCall(options: CallsOptions, call: Call): Promise<RunningCall> {
  const startedAt = performance.now();
  const targets = planCall(options.plan, call);
  const admitted = await options.metering.admit({
    callId: call.id,
    principal: call.principal,
    worst: options.worstOf(call, targets),
  });
  const deadline = createDeadline(call.clientLeft, options.limits.totalMs);
  const running = { call, targets, admitted, deadline, startedAt };
  if (call.clientLeft.aborted) await leave(options, running, targets);
  return running;
}

async function leave(options: CallsOptions, running: RunningCall, [target]: readonly Target[]): Promise<never> {
  const end = { target: target ?? null, status: 'cancelled', error: clientGone(), spent: spentNothing } as const;
  await settleCall(options, running, { ...end, firstByteMs: null });
  throw clientGone();
}
