import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { connect, type DatabaseConnection } from '#shared/db/connect.ts';
import * as z from 'zod';
import type { RevocationFeed } from '#shared/identity/revocation-feed.ts';
import { createFaultProxy, type FaultProxy } from '../../../../tests/support/fault-proxy.ts';
import { createTestDatabase, queryRows, type TestDatabase } from '../../../../tests/support/postgres.ts';
import { silentLog } from '../../../../tests/support/silent-log.ts';
import { createDisabledUsers } from '../store/disabled-users.ts';
import { createRevocationNotices } from '../store/revocation-notices.ts';
import { createRevocationReader } from '../store/revocation-reader.ts';
import {
  startRevocationFeed,
  type RevocationFeedOptions,
  type RevocationNotices,
  type RunningRevocationFeed,
} from './revocation-feed.ts';

const neverMs = 3_600_000;
/** By these nothing ever grows old, so that no reader makes the feed look. */
const stopped = { now: (): number => 1_700_000_000_000, elapsed: (): number => 0 };
const deaf: RevocationNotices = { listen: () => ({ stop: async () => undefined }) };

let database: TestDatabase;
let proxy: FaultProxy;
let connection: DatabaseConnection;
let feed: RunningRevocationFeed;

beforeAll(async () => {
  database = await createTestDatabase();
  proxy = await createFaultProxy({ targetPort: Number(new URL(database.url).port) });
  connection = connect({ url: throughProxy(), poolSize: 2, log: silentLog });
});

afterEach(async () => {
  await proxy.set({});
  await feed.stop();
});

afterAll(async () => {
  await connection.close();
  await proxy.close();
  await database.drop();
});

describe('the feed of revocations', () => {
  it('brings a revocation at once by notice, without any poll', async () => {
    await start({ pollMs: neverMs, ...stopped });
    await listening();
    const { position } = await feed.after(null);
    await revoke('by-notice');
    await vi.waitFor(async () => expect(await idsAfter(position)).toContain('by-notice'));
  });

  it('listens again after its connection was killed, and has missed nothing', async () => {
    await start({ pollMs: neverMs, ...stopped });
    await listening();
    const { position } = await feed.after(null);
    await queryRows(database.url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${isListener}`);
    await revoke('while-nobody-listened');
    await vi.waitFor(async () => expect(await idsAfter(position)).toContain('while-nobody-listened'), {
      timeout: 5_000,
    });
    await listening();
    await revoke('afterwards');
    await vi.waitFor(async () => expect(await idsAfter(position)).toContain('afterwards'));
  });

  it('brings it by poll where no notice ever comes', async () => {
    await start({ notices: deaf, pollMs: 50 });
    await revoke('by-poll');
    await vi.waitFor(async () => expect(await idsAfter(null)).toContain('by-poll'));
  });

  it('has its answer for whoever asks before the first look, and looks itself when no poll came for long', async () => {
    let clock = Date.now();
    await revoke('before-the-start');
    launch({ notices: deaf, pollMs: neverMs, ...stopped, now: () => clock });
    expect((await feed.after(null)).revocations.map(({ id }) => id)).toContain('before-the-start');
    await revoke('while-polls-were-late');
    clock += 2_001;
    const { ageMs, revocations } = await feed.after(null);
    expect(revocations.map(({ id }) => id)).toContain('while-polls-were-late');
    expect(ageMs).toBe(0);
  });

  it('looks when no poll came for long although its clock was set back meanwhile', async () => {
    let [clock, elapsed] = [Date.now(), 0];
    await start({ notices: deaf, pollMs: neverMs, now: () => clock, elapsed: () => elapsed });
    await revoke('before-the-clock-was-set');
    [clock, elapsed] = [clock - 3_600_000, 2_001];
    expect(await idsAfter(null)).toContain('before-the-clock-was-set');
  });

  it('says within the time the gateway waits that a database that hangs cannot be asked', async () => {
    let clock = Date.now();
    await start({ notices: deaf, pollMs: neverMs, now: () => clock });
    await proxy.set({ state: 'timeout' });
    clock += 2_001;
    const startedAt = performance.now();
    expect(await codeOf(feed.after(null))).toBe('unavailable');
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('says it cannot tell when the database is away, rather than tell what is old, and recovers', async () => {
    await start({ pollMs: 50 });
    await vi.waitUntil(async () => (await feed.after(null)).ageMs < 1_000);
    await proxy.set({ state: 'down' });
    await vi.waitFor(async () => expect(await codeOf(feed.after(null))).toBe('unavailable'), { timeout: 5_000 });
    await revoke('while-away');
    await proxy.set({});
    await vi.waitFor(async () => expect(await idsAfter(null)).toContain('while-away'), { timeout: 5_000 });
  });

  it('asks the database before it calls a reader that is ahead lost', async () => {
    await start({ notices: deaf, pollMs: neverMs });
    await revoke('told-by-another-instance');
    const { newest } = await createRevocationReader(connection.db).newest(0);
    expect(await feed.after(newest)).toMatchObject({ position: newest, reset: false, revocations: [] });
    expect((await feed.after(newest + 1)).reset).toBe(true);
  });

  it('takes nothing from a reader that is ahead while the database cannot say who is right', async () => {
    await start({ notices: deaf, pollMs: neverMs });
    const { position } = await feed.after(null);
    await proxy.set({ state: 'down' });
    expect(await codeOf(feed.after(position + 1))).toBe('unavailable');
  });

  it('starts over when the database was restored to an earlier state', async () => {
    await start({ notices: deaf, pollMs: 50 });
    await revoke('later-undone');
    await vi.waitFor(async () => expect(await idsAfter(null)).toContain('later-undone'));
    const { position } = await feed.after(null);
    await queryRows(database.url, 'TRUNCATE revocations RESTART IDENTITY');
    await vi.waitUntil(async () => (await feed.after(position)).reset);
    expect(await idsAfter(null)).not.toContain('later-undone');
  });
});

describe('a database that was restored and has come as far again', () => {
  /** Always the same, as are the times of the rows: what tells two rows apart is a hash that might, rarely, not. */
  let clock = 1_700_000_000_000;
  const then = async (...ids: string[]): Promise<void> => {
    const insert = `INSERT INTO revocations (kind, subject_id, created_at) VALUES ('key', $1, to_timestamp(1700000000))`;
    for (const id of ids) await queryRows(database.url, insert, [id]);
  };
  const later = async (position: number | null): Promise<RevocationFeed> => {
    clock += 2_001;
    return await feed.after(position);
  };

  it('is noticed also where nobody looked in between', async () => {
    await then('undone');
    await start({ notices: deaf, pollMs: neverMs, now: () => clock });
    const { position } = await feed.after(null);
    await takeBack(1);
    await then('instead');
    const { reset, revocations } = await later(position);
    expect(reset).toBe(true);
    expect(revocations.map(({ id }) => id)).toContain('instead');
    expect(revocations.map(({ id }) => id)).not.toContain('undone');
  });

  it('hides nothing from a reader of before, from an instance that noticed and from one that was started since', async () => {
    await then('undone-1', 'undone-2', 'undone-3');
    await start({ notices: deaf, pollMs: neverMs, now: () => clock });
    const { position } = await feed.after(null);
    await takeBack(3);
    await later(null);
    const since = ['since-1', 'since-2', 'since-3', 'since-4'];
    await then(...since);
    expect((await later(position)).reset).toBe(true);
    expect(await idsAfter(position)).toEqual(expect.arrayContaining(since));
    await feed.stop();
    await start({ notices: deaf, pollMs: neverMs, now: () => clock });
    expect(await idsAfter(position)).toEqual(expect.arrayContaining(since));
  });
});

describe('a feed that holds less than the window', () => {
  it('gives the newest and vouches for no more', async () => {
    for (const id of ['one', 'two', 'three']) await revoke(id);
    await start({ notices: deaf, maxEntries: 2 });
    const { revocations, completeSince } = await feed.after(null);
    expect(revocations.map(({ id }) => id)).toEqual(['two', 'three']);
    expect(completeSince).toBeGreaterThan(Date.now() / 1_000 - 60);
  });
});

describe('users who get their tokens from somebody else', () => {
  const disabledUsers = async (limit: number): Promise<string[]> => await createDisabledUsers(connection.db)(limit);

  it('stand in the feed for as long as they are disabled, ahead of the clock, without any revocation', async () => {
    const id = await disabledUser();
    let clock = Date.now();
    await start({ notices: deaf, pollMs: 50, disabledUsers, now: () => clock });
    await feed.after(null);
    for (let second = 0; second < 120; second++) {
      const feed = await vi.waitFor(async () => await feedAfter(null));
      const standing = feed.revocations.find((revocation) => revocation.id === id);
      expect(standing?.kind).toBe('user');
      // The clock of whoever made the token may be ahead by 30 s, and a reader behind by 5.
      expect(standing?.at).toBeGreaterThanOrEqual(Math.floor(clock / 1_000) + 35);
      clock += 1_000;
    }
    await queryRows(database.url, 'UPDATE users SET disabled_at = NULL WHERE id = $1', [id]);
    await vi.waitUntil(async () => !(await idsAfter(null)).includes(id));
  });

  it('are told to a reader once in ten seconds, and at once when one more is disabled', async () => {
    const id = await disabledUser();
    let clock = 1_700_000_000_000;
    await start({ notices: deaf, pollMs: 20, disabledUsers, now: () => clock });
    let { position } = await feed.after(null);
    const sent: number[] = [];
    for (let second = 0; second < 40; second++) {
      const feed = await vi.waitFor(async () => await feedAfter(position));
      if (feed.revocations.some((revocation) => revocation.id === id)) sent.push(second);
      expect(feed.reset).toBe(false);
      ({ position } = feed);
      clock += 1_000;
    }
    expect(sent).toEqual([10, 20, 30]);
    await vi.waitFor(async () => ({ position } = await feedAfter(position)));
    const other = await disabledUser();
    await vi.waitFor(async () => expect(await idsAfter(position)).toContain(other));
    expect(await idsAfter(position)).toContain(id);
  });

  it('do not hide what else was revoked, and are bounded in number, the latest first', async () => {
    await disabledUser();
    const latest = await disabledUser();
    await start({ notices: deaf, pollMs: 50, disabledUsers, maxStanding: 1 });
    const { position, revocations } = await feed.after(null);
    expect(revocations.filter(({ kind }) => kind === 'user').map(({ id }) => id)).toEqual([latest]);
    await revoke('beside-the-standing');
    await vi.waitFor(async () => expect(await idsAfter(position)).toContain('beside-the-standing'));
  });
});

async function disabledUser(): Promise<string> {
  const insert = 'INSERT INTO users (disabled_at) VALUES (clock_timestamp()) RETURNING id::text';
  const [row] = await queryRows(database.url, insert);
  return z.object({ id: z.string() }).parse(row).id;
}

async function feedAfter(position: number | null): Promise<RevocationFeed> {
  return await feed.after(position);
}

type Options = Partial<Omit<RevocationFeedOptions, 'reader' | 'log'>>;

async function start(options: Options): Promise<void> {
  launch(options);
  await feed.after(null);
}

function launch(options: Options): void {
  const reader = createRevocationReader(connection.db);
  const notices = createRevocationNotices({ url: throughProxy(), log: silentLog });
  feed = startRevocationFeed({ reader, notices, log: silentLog, ...options });
}

async function idsAfter(position: number | null): Promise<string[]> {
  // Not while the database is away; when it is back is what the caller waits for.
  const answer = await feed.after(position).catch(() => null);
  return answer?.revocations.map(({ id }) => id) ?? [];
}

async function codeOf(answer: Promise<unknown>): Promise<unknown> {
  return await answer.then(
    () => null,
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );
}

const isListener = `datname = current_database() AND query = 'LISTEN gaia_revocations'`;

async function listening(): Promise<void> {
  const query = `SELECT FROM pg_stat_activity WHERE ${isListener} AND state = 'idle'`;
  await vi.waitUntil(async () => (await queryRows(database.url, query)).length === 1, { timeout: 5_000 });
}

async function revoke(id: string): Promise<void> {
  await queryRows(database.url, `INSERT INTO revocations (kind, subject_id) VALUES ('key', $1)`, [id]);
}

/** As a restore that brings the sequence's value back does, with the last revocations. */
async function takeBack(count: number): Promise<void> {
  const [row] = await queryRows(database.url, 'SELECT max(sequence)::int AS last FROM revocations');
  const last = z.object({ last: z.int() }).parse(row).last - count;
  await queryRows(database.url, 'DELETE FROM revocations WHERE sequence > $1', [last]);
  await queryRows(database.url, `ALTER TABLE revocations ALTER COLUMN sequence RESTART WITH ${last + 1}`);
}

function throughProxy(): string {
  const url = new URL(database.url);
  url.port = String(proxy.port);
  return url.href;
}
