import { createHash } from 'node:crypto';

/** One carrying out of a request. */
export type Run = {
  /** A UUID, by which what it did can be found again. */
  id: string;
  /** Null: nobody has begun the request before, or it ended without anything to keep. */
  earlier: EarlierRuns | null;
  /** Aborts when the client left, or when another process took over. */
  signal: AbortSignal;
};

/** Runs of the same request whose processes died: what they did may have had effect. */
export type EarlierRuns = { ids: readonly string[]; since: Date };

/** What the row of a request says about who has begun it. */
export type Taken = { id: string; requestHash: string; begunAt: Date; attempts: number };

const mostEarlier = 100;

/** The ids follow from the row, so that no process has to leave its own behind. */
export function runOf(taken: Taken): Pick<Run, 'id' | 'earlier'> {
  const { attempts, begunAt: since } = taken;
  const first = Math.max(1, attempts - mostEarlier);
  const ids = Array.from({ length: attempts - first }, (_, index) => idOf(taken, first + index));
  return { id: idOf(taken, attempts), earlier: ids.length === 0 ? null : { ids, since } };
}

function idOf({ id, requestHash, begunAt }: Taken, attempt: number): string {
  const hex = createHash('sha256').update(`${id}\n${requestHash}\n${begunAt.getTime()}\n${attempt}`).digest('hex');
  // Version 8: made of what its maker likes.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
