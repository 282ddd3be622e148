import { connect } from '../../shared/db/connect.ts';
import { createNotices } from '../../shared/db/notices.ts';
import { createIdempotencyStore, endsChannel } from '../../shared/idempotency/idempotency-store.ts';
import { createIdempotency } from '../../shared/idempotency/idempotency.ts';
import { silentLog } from './silent-log.ts';

// A process that begins a request and never ends it, for tests that kill it: `<database URL> <user> <lease seconds>`.
const [url = '', userId = '', leaseSeconds = '20'] = process.argv.slice(2);
const { db } = connect({ url, poolSize: 1, log: silentLog });
const idempotency = createIdempotency({
  store: createIdempotencyStore({ db, leaseSeconds: Number(leaseSeconds) }),
  notices: createNotices({ url, channel: endsChannel, log: silentLog }),
  log: silentLog,
  waitMs: 60_000,
  heartbeatMs: 100,
});
const { signal } = new AbortController();
const body = Buffer.from('{}');
const { kind } = await idempotency.claim({ userId, key: 'key', method: 'POST', path: '/v1/x', body, signal });
process.send?.(kind);
setInterval(() => undefined, 60_000);
