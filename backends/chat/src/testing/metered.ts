import { randomUUID } from 'node:crypto';
import { connect } from '#shared/db/connect.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import { createLogger } from '#shared/log.ts';
import { startBudgetBook, type BudgetBook, type BudgetBookOptions } from '../money/budget-book.ts';
import { createMetering, type MeteringOptions } from '../money/create-metering.ts';
import type { Admission, CallOutcome, RunningMetering } from '../money/metering.ts';
import { createBudgetReader } from '../store/budget-store.ts';
import type { MeteringStore } from '../money/metering-store.ts';
import { createMeteringStore } from '../store/metering-store.ts';

export type MeteredProcess = RunningMetering & {
  book: BudgetBook;
  logLines: string[];
  /** How many calls have asked the database for their admission. */
  asked: () => number;
};

export type MeteredProcessOptions = Partial<MeteringOptions> & {
  url: string;
  leaseSeconds?: number;
  poolSize?: number;
  bookOptions?: Partial<BudgetBookOptions>;
};

/** A metering as one process has it, on a real database. `close` ends its connections too. */
export function startMeteredProcess(options: MeteredProcessOptions): MeteredProcess {
  const { url, leaseSeconds = 60, poolSize = 4, bookOptions, ...rest } = options;
  const logLines: string[] = [];
  const log = createLogger({ service: 'chat', level: 'warn', write: (line) => void logLines.push(line) });
  const { db, query, close } = connect({ url, poolSize, log });
  const book = startBudgetBook({ read: createBudgetReader(db), log, ...bookOptions });
  const store = createMeteringStore({ query, leaseSeconds });
  let asked = 0;
  const admit: MeteringStore['admit'] = async (requests) => {
    asked += requests.length;
    return await store.admit(requests);
  };
  const metering = createMetering({ store: { ...store, admit }, book, log, ...rest });
  return {
    ...metering,
    book,
    logLines,
    asked: () => asked,
    close: async () => {
      await metering.close();
      await close();
    },
  };
}

/** A user with a key, of whom no table needs to know. */
export function caller(limits: UserPrincipal['limits'] = {}, ids: Partial<UserPrincipal> = {}): UserPrincipal {
  return { kind: 'user', userId: randomUUID(), keyId: randomUUID(), scopes: ['chat:write'], limits, ...ids };
}

export function admissionOf(principal: UserPrincipal, micros = 0, tokens = 0): Admission {
  return { callId: randomUUID(), principal, worst: { micros, tokens } };
}

/** A completed call that cost and used this much. */
export function outcomeOf(costMicros = 0, tokens = 0, other: Partial<CallOutcome> = {}): CallOutcome {
  return {
    operation: 'chat-completions',
    provider: 'openai',
    model: 'gpt',
    status: 'completed',
    errorCode: null,
    usage: { input: 0, cachedInput: 0, output: tokens },
    isEstimated: false,
    costMicros,
    priceVersion: 1,
    durationMs: 10,
    firstByteMs: 5,
    isFallback: false,
    requestId: 'req_test',
    ...other,
  };
}

/** How many of these were kept, and the codes of the errors of the others. */
export async function tally(attempts: readonly Promise<unknown>[]): Promise<{ done: number; codes: string[] }> {
  const results = await Promise.allSettled(attempts);
  const codes = results.flatMap((result) => (result.status === 'rejected' ? [codeOf(result.reason)] : []));
  return { done: results.length - codes.length, codes: [...new Set(codes)] };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** One column of a row of which the driver says nothing. */
export function fieldOf(row: unknown, name: string): unknown {
  if (typeof row !== 'object' || row === null) return undefined;
  const value: unknown = Reflect.get(row, name);
  return value;
}
