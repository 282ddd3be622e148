import { createLeaseReturns, type LeaseReturns } from './lease-returns.ts';
import type { Worst } from './metering.ts';
import type { Ahead, AdmissionAnswer, AdmissionRequest, ReturnedMinute } from './metering-store.ts';

/** What a process may still give to calls of one caller in one minute without asking. */
export type MinuteLease = {
  userId: string;
  subjectId: string;
  minute: Date;
  /** By this process's clock, and never later than the minute ends by the database's. */
  endsAt: number;
  requests: number;
  tokens: number;
  /** Left for everybody when the database was last asked; null: no such limit. */
  rpmLeft: number | null;
  tpmLeft: number | null;
};

export type MinuteLeases = {
  /** Takes a call's worst from what is leased. Null: the database must be asked. To be called for every call, first. */
  take: (request: AdmissionRequest) => MinuteLease | null;
  /** What to ask the database for besides the call itself, for those that follow; null: nothing. */
  ahead: (request: AdmissionRequest) => Ahead | null;
  /** What it said to a request with `ahead`, which was sent at `askedAt`; null: nothing. */
  answered: (request: AdmissionRequest, answer: AdmissionAnswer | null, askedAt: number) => void;
  /** A call that was taken from this lease is over. */
  settle: (lease: MinuteLease, granted: Worst, usedTokens: number) => void;
  /** Gives back what is left of all leases. */
  close: () => Promise<void>;
};

export type MinuteLeasesOptions = {
  giveBack: (returned: readonly ReturnedMinute[]) => Promise<void>;
  now?: () => number;
  /** A lease is for the calls of this long, at the pace of the last ones. */
  aheadMs?: number;
  /** Unused for this long, it is given back. */
  idleMs?: number;
};

/** Fewer are not worth it: a caller of a few calls a second sees exact counts and does not notice a round trip. */
const leastAhead = 8;
const mostAhead = 1_000;
/** The pace is that of about so long. */
const paceMs = 500;
const minuteMs = 60_000;

/** A caller with limits, as long as it calls. `pace` is in calls a millisecond. */
type Subject = { pace: number; seenAt: number; isAsking: boolean; lease: MinuteLease | null };

/**
 * What this process takes ahead of its callers' minutes (migration 014). It counts as used from the moment it is leased,
 * so limits are never exceeded; what was not needed is given back half a second later. A process that is killed keeps
 * it from others for the rest of that minute and no longer.
 */
export function createMinuteLeases(options: MinuteLeasesOptions): MinuteLeases {
  const { now = () => performance.now(), aheadMs = 250, idleMs = 500 } = options;
  const returns = createLeaseReturns(options.giveBack);
  const subjects = new Map<string, Subject>();
  const sweep = createSweep(idleMs / 2, () => {
    for (const [id, subject] of subjects) {
      if (subject.isAsking || now() - subject.seenAt < idleMs) continue;
      giveBack(subject.lease, returns, now());
      subjects.delete(id);
    }
    returns.flush();
    return subjects.size > 0;
  });
  const subjectOf = (request: AdmissionRequest): Subject => {
    const id = subjectIdOf(request);
    const subject = subjects.get(id) ?? { pace: 0, seenAt: now(), isAsking: false, lease: null };
    subjects.set(id, subject);
    sweep.start();
    return subject;
  };
  return {
    take: (request) => {
      const subject = subjectOf(request);
      noteCall(subject, now());
      return takeFrom(subject.lease, request, now());
    },
    ahead: (request) => {
      const subject = subjectOf(request);
      const expected = Math.min(Math.floor(subject.pace * aheadMs), mostAhead);
      if (subject.isAsking || expected < leastAhead) return null;
      subject.isAsking = true;
      return missing(subject.lease, { requests: expected, tokens: expected * request.worst.tokens }, now());
    },
    answered: (request, answer, askedAt) => {
      const subject = subjectOf(request);
      subject.isAsking = false;
      const lease = answer && leaseOf(request, answer, askedAt);
      if (lease) extend(subject, lease, now());
    },
    settle: (lease, granted, usedTokens) => {
      const tokens = granted.tokens - usedTokens;
      if (subjects.get(lease.subjectId)?.lease === lease) lease.tokens += tokens;
      else giveBack({ ...lease, requests: 0, tokens }, returns, now());
      sweep.start();
    },
    close: async () => {
      sweep.stop();
      for (const { lease } of subjects.values()) giveBack(lease, returns, now());
      subjects.clear();
      await returns.close();
    },
  };
}

/** Tokens come back when calls end, so most of the time it is only requests that are missing. */
function missing(lease: MinuteLease | null, wanted: Ahead, at: number): Ahead {
  if (!lease || lease.endsAt <= at) return wanted;
  return { requests: Math.max(wanted.requests - lease.requests, 0), tokens: Math.max(wanted.tokens - lease.tokens, 0) };
}

function noteCall(subject: Subject, at: number): void {
  subject.pace = subject.pace * Math.exp((subject.seenAt - at) / paceMs) + 1 / paceMs;
  subject.seenAt = at;
}

function takeFrom(lease: MinuteLease | null, { limits, worst }: AdmissionRequest, at: number): MinuteLease | null {
  if (!lease || lease.endsAt <= at || lease.requests < 1) return null;
  if (limits.tpm !== undefined) {
    if (lease.tokens < worst.tokens) return null;
    lease.tokens -= worst.tokens;
  }
  lease.requests -= 1;
  return lease;
}

/** The minute is over, in this process, as long after the question as it had left when that was answered, or earlier. */
function leaseOf(request: AdmissionRequest, { at, ahead }: AdmissionAnswer, askedAt: number): MinuteLease | null {
  if (!ahead) return null;
  const start = Math.floor(at.getTime() / minuteMs) * minuteMs;
  const endsAt = askedAt + start + minuteMs - at.getTime();
  return { userId: request.userId, subjectId: subjectIdOf(request), minute: new Date(start), endsAt, ...ahead };
}

function extend(subject: Subject, news: MinuteLease, at: number): void {
  const { lease } = subject;
  if (!lease || lease.endsAt <= at || lease.minute.getTime() !== news.minute.getTime()) {
    subject.lease = news;
    return;
  }
  lease.requests += news.requests;
  lease.tokens += news.tokens;
  lease.rpmLeft = news.rpmLeft;
  lease.tpmLeft = news.tpmLeft;
}

function giveBack(lease: MinuteLease | null, returns: LeaseReturns, at: number): void {
  if (lease && lease.endsAt > at) returns.add(lease);
}

function subjectIdOf({ keyId, userId }: AdmissionRequest): string {
  return keyId ?? userId;
}

/** Runs `look` again and again from `start` on, until it says that there is nothing to look after. */
function createSweep(everyMs: number, look: () => boolean): { start: () => void; stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
  };
  const once = (): void => {
    if (!look()) stop();
  };
  return { start: () => void (timer ??= setInterval(once, everyMs).unref()), stop };
}
