import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { connect } from '#shared/db/connect.ts';
import { migrate } from '#shared/db/migrate.ts';
import { hashApiKey } from '#shared/identity/api-key.ts';
import { createLogger } from '#shared/log.ts';
import { createKeyRepository } from '../backends/auth/src/store/key-repository.ts';
import { startPostgres } from '../ops/local/postgres.ts';

// Usage: node bench/key-lookup.ts. Exits with 1 when a look-up among a million keys is not as promised.

const sizes = [1_000, 1_000_000] as const;
const lookUps = 5_000;
const warmUps = 2_000;
const rounds = 3;
const promised = { p50Ms: 1, ratio: 1.5 };

const log = createLogger({ service: 'bench', level: 'warn', write: (line) => console.error(line) });

type Figures = { rows: number; p50: number; p95: number };

await bench();

async function bench(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'gaia-key-bench-'));
  const postgres = await startPostgres({ directory, fastAndLossy: true });
  try {
    await migrate({ url: postgres.url, direction: 'up', log });
    const few = await figuresAt(postgres.url, sizes[0]);
    const many = await figuresAt(postgres.url, sizes[1]);
    report(few, many);
  } finally {
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** The middle of several rounds, so that one hiccup of the machine decides nothing. */
async function figuresAt(url: string, rows: number): Promise<Figures> {
  await fill(url, rows);
  const { db, close } = connect({ url, poolSize: 1, log });
  try {
    const keys = createKeyRepository(db);
    const findAny = async (): Promise<void> => {
      const hash = await hashApiKey(`key ${Math.ceil(Math.random() * rows)}`);
      if (!(await keys.findByHash(hash))) throw new Error('a key is missing');
    };
    for (let i = 0; i < warmUps; i++) await findAny();
    const measured: number[][] = [];
    for (let round = 0; round < rounds; round++) measured.push(await durations(findAny));
    const middle = (part: number): number =>
      quantile(
        measured.map((round) => quantile(round, part)),
        0.5,
      );
    return { rows, p50: middle(0.5), p95: middle(0.95) };
  } finally {
    await close();
  }
}

async function durations(once: () => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < lookUps; i++) {
    const startedAt = performance.now();
    await once();
    times.push(performance.now() - startedAt);
  }
  return times;
}

/** Ten keys a user, as far as that many keys are missing; one in a hundred was rotated. */
async function fill(url: string, rows: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('truncate users cascade');
    await client.query(`insert into users (email) select 'u' || i || '@gaia.test' from generate_series(1, $1::int) i`, [
      Math.ceil(rows / 10),
    ]);
    await client.query(
      `insert into api_keys (user_id, key_hash, previous_hash, name, prefix, last_four, scopes, limits)
       select u.ids[1 + i % array_length(u.ids, 1)], encode(sha256(convert_to('key ' || i, 'UTF8')), 'hex'),
         case when i % 100 = 0 then encode(sha256(convert_to('old ' || i, 'UTF8')), 'hex') end,
         'k', 'gaia_live_' || i, 'abcd', '{chat:write,chat:read}', '{"rpm":60}'
       from generate_series(1, $1::int) i, (select array_agg(id) as ids from users) u`,
      [rows],
    );
    await client.query('vacuum analyze');
  } finally {
    await client.end();
  }
}

function report(few: Figures, many: Figures): void {
  for (const { rows, p50, p95 } of [few, many]) {
    console.log(`${String(rows).padStart(9)} keys   p50 ${p50.toFixed(3)} ms   p95 ${p95.toFixed(3)} ms`);
  }
  const ratio = many.p50 / few.p50;
  const isKept = many.p50 <= promised.p50Ms && ratio < promised.ratio;
  console.log(
    `${isKept ? '✓' : '✗'} ${ratio.toFixed(2)} times (promised: < ${promised.ratio}, p50 ≤ ${promised.p50Ms} ms)`,
  );
  if (!isKept) process.exitCode = 1;
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
