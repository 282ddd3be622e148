import { connect } from '#shared/db/connect.ts';
import { createLogger } from '#shared/log.ts';
import { startBudgetBook } from '../money/budget-book.ts';
import { createMetering } from '../money/create-metering.ts';
import { createBudgetReader } from '../store/budget-store.ts';
import { createMeteringStore } from '../store/metering-store.ts';
import { admissionOf, caller } from './metered.ts';

// A process that admits calls and never ends them, for tests that kill it: <database url> <user> <key> <calls> <micros>

const [url = '', userId = '', keyId = '', calls = '1', micros = '0'] = process.argv.slice(2);
const log = createLogger({ service: 'chat', level: 'error', write: () => undefined });
const { db, query } = connect({ url, poolSize: 2, log });
const book = startBudgetBook({ read: createBudgetReader(db), log });
const metering = createMetering({ store: createMeteringStore({ query, leaseSeconds: 3_600 }), book, log });
const user = caller({ concurrency: 1_000 }, { userId, keyId });
await Promise.all(
  Array.from({ length: Number(calls) }, async () => await metering.admit(admissionOf(user, Number(micros)))),
);
process.stdout.write('holding\n');
setInterval(() => undefined, 60_000);
