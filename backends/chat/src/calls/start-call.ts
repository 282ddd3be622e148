import { sizeOf } from '../money/request-size.ts';
import { affordableOutput, worstCase } from '../money/worst-case.ts';
import type { Call, Target } from './call.ts';
import type { CallsOptions } from './calls.ts';
import { clientGone, createDeadline } from './deadline.ts';
import { planCall } from './plan-call.ts';
import { settleCall, type RunningCall } from './running-call.ts';
import { spentNothing } from './spending.ts';
import { refuseUnpriced } from './unpriced-wishes.ts';

/** Plans a call and waits until its caller may spend what it can cost at most. */
export async function startCall(options: CallsOptions, call: Call): Promise<RunningCall> {
  const startedAt = performance.now();
  const giveBack = options.shedding.enter();
  try {
    refuseUnpriced(call.protocol, call.body, options.unbilledTools);
    const targets = planCall(options.plan, call);
    const size = sizeOf(call.protocol, call.body, call.rawBody.length);
    const { worst, least } = worstCase(size, targets, options.output);
    const { id: callId, earlier = null, principal } = call;
    const admitted = await options.metering.admit({ callId, earlier, principal, worst, least });
    const stages = { ...call.stages, admission: performance.now() - startedAt };
    const deadline = createDeadline(call.clientLeft, options.limits.totalMs);
    const outputCapOf = (target: Target): number | null => {
      if (!admitted.isReserved || size.maxOutput !== null) return null;
      const cap = affordableOutput(admitted.granted, size, target, options.output);
      return cap < (target.card.maxOutputTokens ?? Infinity) ? cap : null;
    };
    const running = { call, targets, admitted, stages, outputCapOf, deadline, giveBack, startedAt };
    if (call.clientLeft.aborted) await leave(options, running);
    return running;
  } catch (error) {
    giveBack();
    throw error;
  }
}

async function leave(options: CallsOptions, running: RunningCall): Promise<never> {
  const [target = null] = running.targets;
  const end = { target, status: 'cancelled', error: clientGone(), spent: spentNothing } as const;
  await settleCall(options, running, { ...end, firstByteMs: null });
  throw clientGone();
}
