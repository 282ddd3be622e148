import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import pg from 'pg';
import { z } from 'zod';
import { listen } from './listen.ts';

export type NeonHttp = {
  /** What `neonConfig.fetchEndpoint` has to give. */
  endpoint: string;
  close: () => Promise<void>;
};

const Query = z.object({ query: z.string(), params: z.array(z.unknown()).default([]) });
const Body = z.union([z.object({ queries: z.array(Query) }), Query]);
type Query = z.output<typeof Query>;
type Answer = { status: number; body: object };

const isolationLevels: Record<string, string | undefined> = {
  ReadUncommitted: 'read uncommitted',
  ReadCommitted: 'read committed',
  RepeatableRead: 'repeatable read',
  Serializable: 'serializable',
};

/** Stands in for Neon's SQL over HTTP (`POST /sql`, as `neon()` speaks it) in front of the Postgres at `url`. */
export async function createNeonHttp({ url }: { url: string }): Promise<NeonHttp> {
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  pool.on('error', () => undefined); // The next query gets a new connection, or says why not.
  const server = createServer((req, res) => {
    void answer(req, pool, url).then(({ status, body }) => {
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  const port = await listen(server);
  return {
    endpoint: `http://127.0.0.1:${port}/sql`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
      await pool.end();
    },
  };
}

async function answer(req: IncomingMessage, pool: pg.Pool, url: string): Promise<Answer> {
  try {
    if (req.method !== 'POST' || req.url !== '/sql') return { status: 404, body: { message: 'not found' } };
    const refused = refusal(req.headers['neon-connection-string'], url);
    if (refused) return refused;
    const body = Body.safeParse(JSON.parse(await readText(req)));
    if (!body.success) return { status: 400, body: { message: 'the body is neither a query nor a batch' } };
    return { status: 200, body: await execute(pool, body.data, req.headers) };
  } catch (error) {
    return failure(error);
  }
}

/** Neon checks the credentials and the database of the header; the host is the caller's way to us, and may be any. */
function refusal(connectionString: string | string[] | undefined, url: string): Answer | null {
  const given = typeof connectionString === 'string' ? URL.parse(connectionString) : null;
  if (!given) return { status: 400, body: { message: 'missing or malformed Neon-Connection-String header' } };
  const ours = new URL(url);
  if (given.username !== ours.username || given.password !== ours.password) {
    const message = `password authentication failed for user '${given.username}'`;
    return { status: 400, body: { message, code: '28P01', severity: 'ERROR' } };
  }
  if (given.pathname === ours.pathname) return null;
  const message = `database "${given.pathname.slice(1)}" does not exist`;
  return { status: 400, body: { message, code: '3D000', severity: 'FATAL' } };
}

async function execute(pool: pg.Pool, body: z.output<typeof Body>, headers: IncomingHttpHeaders): Promise<object> {
  const client = await pool.connect();
  try {
    if (!('queries' in body)) return await runQuery(client, body, headers);
    return { results: await runBatch(client, body.queries, headers) };
  } finally {
    client.release();
  }
}

/** All or nothing, in one transaction, as Neon's batches are. */
async function runBatch(client: pg.PoolClient, queries: Query[], headers: IncomingHttpHeaders): Promise<object[]> {
  await client.query(beginStatement(headers));
  try {
    const results: object[] = [];
    for (const query of queries) results.push(await runQuery(client, query, headers));
    await client.query('commit');
    return results;
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

function beginStatement(headers: IncomingHttpHeaders): string {
  const level = isolationLevels[String(headers['neon-batch-isolation-level'])];
  const modes = [
    ...(level ? [`isolation level ${level}`] : []),
    ...(headers['neon-batch-read-only'] === 'true' ? ['read only'] : []),
    ...(headers['neon-batch-deferrable'] === 'true' ? ['deferrable'] : []),
  ];
  return `begin ${modes.join(' ')}`;
}

async function runQuery(
  client: pg.PoolClient,
  { query, params }: Query,
  headers: IncomingHttpHeaders,
): Promise<object> {
  const asArrays = headers['neon-array-mode'] === 'true';
  const { command, rowCount, rows, fields } = await client.query<unknown[]>({
    text: query,
    values: params,
    rowMode: 'array',
    ...(headers['neon-raw-text-output'] === 'true' && { types: rawText }),
  });
  return {
    command,
    rowCount,
    rows: asArrays ? rows : rows.map((row) => named(row, fields)),
    fields,
    rowAsArray: asArrays,
  };
}

/** Values as Postgres prints them; the driver on the other side parses them. */
const rawText = { getTypeParser: () => (text: unknown) => text };

function named(row: unknown[], fields: readonly { name: string }[]): object {
  return Object.fromEntries(fields.map(({ name }, index) => [name, row[index]]));
}

const errorFields = [
  'severity',
  'code',
  'detail',
  'hint',
  'position',
  'internalPosition',
  'internalQuery',
  'where',
  'schema',
  'table',
  'column',
  'dataType',
  'constraint',
  'file',
  'line',
  'routine',
] as const;

/** What Postgres refuses is 400 with its own fields; a Postgres that is away is 503. */
function failure(error: unknown): Answer {
  if (error instanceof pg.DatabaseError) {
    const body: Record<string, string | null> = { message: error.message };
    for (const name of errorFields) body[name] = error[name] ?? null;
    return { status: 400, body };
  }
  if (error instanceof SyntaxError) return { status: 400, body: { message: 'the body is not JSON' } };
  return { status: 503, body: { message: error instanceof Error ? error.message : 'the database is away' } };
}

async function readText(req: IncomingMessage): Promise<string> {
  const source: AsyncIterable<Uint8Array> = req;
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
