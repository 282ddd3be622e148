import { NodePgDatabase, type NodePgQueryResultHKT } from 'drizzle-orm/node-postgres';
import { PgDialect, type PgDatabase } from 'drizzle-orm/pg-core';
import pg from 'pg';
import type { Logger } from '../log.ts';
import { translateDatabaseError } from './database-error.ts';
import { GuardedSession } from './guarded-session.ts';

/** What stores take: drizzle, or a transaction of it. */
export type Database = PgDatabase<NodePgQueryResultHKT>;

/** Rows of one statement, without drizzle, for what runs with every request. Fails with AppErrors as `db` does. */
export type Query = (text: string, values: readonly unknown[]) => Promise<unknown[]>;

export type DatabaseConnection = {
  db: Database;
  query: Query;
  /** Resolves when a query came back; rejects with `unavailable`, at the latest after the time-outs below. */
  ping: () => Promise<void>;
  /** Lets running queries finish, then closes all connections. */
  close: () => Promise<void>;
};

export type ConnectOptions = {
  /** postgres:// or postgresql://. */
  url: string;
  poolSize: number;
  log: Logger;
};

const connectTimeoutMs = 2_000;
const statementTimeoutMs = 5_000;
const idleInTransactionTimeoutMs = 15_000;

/**
 * A pool of connections, none of which is opened before the first query, so that a service starts without its
 * database. Every wait is bounded, errors come out of `db` as AppErrors, and a lost connection never ends the process.
 */
export function connect({ url, poolSize, log }: ConnectOptions): DatabaseConnection {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: connectTimeoutMs,
    // The server's own limit cannot fire when the server is frozen or the network swallows packets; this one does.
    query_timeout: statementTimeoutMs + 1_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    onConnect: limitSession,
  });
  const onLost = (error: Error): void => log.warn('lost a database connection', { error });
  pool.on('error', onLost);
  // A connection in use has no other listener, and an 'error' event without one would end the process.
  pool.on('connect', (client) => void client.on('error', () => undefined));
  const dialect = new PgDialect();
  const query: Query = async (text, values) => {
    const { rows } = await pool.query<Record<string, unknown>>(text, [...values]).catch((error: unknown) => {
      throw translateDatabaseError(error);
    });
    return rows;
  };
  return {
    db: new NodePgDatabase(dialect, new GuardedSession(pool, dialect), undefined),
    query,
    ping: async () => void (await query('select 1', [])),
    close: async () => {
      await pool.end();
    },
  };
}

/**
 * As statements, not as start-up parameters: poolers such as PgBouncer refuse connections that bring those. The pool
 * waits for what this returns, of which its types know nothing.
 */
function limitSession(client: pg.ClientBase): unknown {
  return client.query(
    `set statement_timeout = ${statementTimeoutMs}; set idle_in_transaction_session_timeout = ${idleInTransactionTimeoutMs}`,
  );
}
