import { DrizzleQueryError } from 'drizzle-orm/errors';
import { AppError, type ErrorCode } from '../http/error.ts';

type Answer = { code: ErrorCode; detail: string };

const conflict: Answer = { code: 'conflict', detail: 'This conflicts with what is already stored' };
const dangling: Answer = { code: 'conflict', detail: 'This refers to something that does not exist (any more)' };
const notStorable: Answer = { code: 'invalid_request', detail: 'A value in the request cannot be stored' };
const busy: Answer = { code: 'unavailable', detail: 'The database is busy; please try again' };
const away: Answer = { code: 'unavailable', detail: 'The database is not available; please try again' };

/**
 * SQLSTATEs, driver codes and (two letters) SQLSTATE classes -> what a caller is told. What is not listed is our bug:
 * a missing table, a syntax error or a NULL where none may be stays a 500.
 */
const answers: ReadonlyMap<string, Answer> = new Map([
  ...rows(conflict, ['23505', '23P01']), // unique, exclusion
  ...rows(dangling, ['23503', '23001']), // foreign key, restrict
  ...rows(notStorable, [
    '22001', // text too long for its column
    '22003', // number out of range
    '22007', // not a date
    '22008', // date out of range
    '22021', // bytes that are no UTF-8, NUL among them
    '22P02', // not a uuid, a number, …
    '22P05', // JSON text with \u0000
    '23514', // check
  ]),
  ...rows(busy, [
    '40001', // serialization failure
    '40P01', // deadlock
    '55P03', // lock not available
    '57014', // statement timeout
    '25P03', // idle in transaction too long
    '25P04', // transaction timeout
  ]),
  ...rows(away, [
    '08', // connection lost or refused
    '28', // the role or its password is not accepted: an operator's mistake, never the caller's
    '3D000', // no such database
    '53', // too many connections, disk full, out of memory
    '57P', // shutting down, starting up, killed by an administrator
    '58', // input or output error
    '25006', // read only: a replica after a failover
    'ECONNREFUSED',
    'ECONNRESET',
    'ECONNABORTED',
    'EPIPE',
    'ETIMEDOUT',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ENETDOWN',
    'ENOTFOUND',
    'EAI_AGAIN',
  ]),
]);

/** What `pg` and its pool throw without any code. */
const driverMessages =
  /^(?:timeout exceeded when trying to connect|timeout expired|Query read timeout|Connection terminated.*|Client has encountered a connection error.*|Client was closed.*|Cannot use a pool after calling end.*)$/;

/**
 * Turns what the driver throws into an AppError, and leaves alone what did not come from the database. The result
 * never carries drizzle's wrapper, whose message shows the query's parameters: hashes, texts, addresses.
 */
export function translateDatabaseError(thrown: unknown): unknown {
  const cause = thrown instanceof DrizzleQueryError ? (thrown.cause ?? thrown) : thrown;
  const answer = answerTo(cause);
  if (answer) return new AppError(answer.code, answer.detail, { cause });
  if (!(thrown instanceof DrizzleQueryError)) return thrown;
  return new Error(`Query failed: ${thrown.query.slice(0, 500)}`, { cause });
}

/** The name of the constraint that a statement violated, to tell "this address is taken" from any other conflict. */
export function violatedConstraint(error: unknown): string | null {
  const source = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (!(source instanceof Error) || !('constraint' in source)) return null;
  return typeof source.constraint === 'string' ? source.constraint : null;
}

function answerTo(cause: unknown): Answer | undefined {
  if (!(cause instanceof Error)) return undefined;
  if (!('code' in cause) || typeof cause.code !== 'string') {
    return driverMessages.test(cause.message) ? away : undefined;
  }
  const { code } = cause;
  return answers.get(code) ?? answers.get(code.slice(0, 3)) ?? answers.get(code.slice(0, 2));
}

function rows(answer: Answer, codes: readonly string[]): (readonly [string, Answer])[] {
  return codes.map((code) => [code, answer]);
}
