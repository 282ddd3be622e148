import { NoopCache } from 'drizzle-orm/cache/core';
import { NoopLogger } from 'drizzle-orm/logger';
import { NodePgPreparedQuery, NodePgSession, NodePgTransaction } from 'drizzle-orm/node-postgres';
import type { PgDialect, PgTransactionConfig, PreparedQueryConfig } from 'drizzle-orm/pg-core';
import { sql, type SQL } from 'drizzle-orm/sql';
import type { Pool, PoolClient } from 'pg';
import { AppError } from '../http/error.ts';
import { translateDatabaseError } from './database-error.ts';

type NoRelations = Record<string, never>;
type Transaction = NodePgTransaction<NoRelations, NoRelations>;
type PrepareArguments = Parameters<NodePgSession<NoRelations, NoRelations>['prepareQuery']>;

/**
 * The one seam through which every query passes, so that no store has to remember: driver errors come out as
 * AppErrors, and a transaction always gives its connection back (drizzle's own keeps it when BEGIN fails).
 */
export class GuardedSession extends NodePgSession<NoRelations, NoRelations> {
  readonly #connection: Pool | PoolClient;

  constructor(connection: Pool | PoolClient, dialect: PgDialect) {
    super(connection, dialect, undefined);
    this.#connection = connection;
  }

  override prepareQuery<T extends PreparedQueryConfig = PreparedQueryConfig>(
    ...[query, fields, name, isArrayMode, mapper, metadata, cacheConfig]: PrepareArguments
  ): GuardedQuery<T> {
    const { sql, params } = query;
    return new GuardedQuery<T>(
      ...([this.#connection, sql, params, new NoopLogger(), new NoopCache(), metadata] as const),
      ...([cacheConfig, fields, name, isArrayMode, mapper] as const),
    );
  }

  override async transaction<T>(body: (tx: Transaction) => Promise<T>, config?: PgTransactionConfig): Promise<T> {
    if (!isPool(this.#connection)) return await super.transaction(body, config);
    const client = await this.#connection.connect().catch(rethrowTranslated);
    let isUsable = false;
    try {
      const tx: Transaction = new NodePgTransaction(this.dialect, new GuardedSession(client, this.dialect), undefined);
      const result = await inTransaction(tx, body, begin(config));
      isUsable = true;
      return result;
    } catch (error) {
      isUsable = await rolledBack(client, error);
      throw error;
    } finally {
      client.release(!isUsable);
    }
  }
}

class GuardedQuery<T extends PreparedQueryConfig> extends NodePgPreparedQuery<T> {
  override async execute(values?: Record<string, unknown>): Promise<T['execute']> {
    return await super.execute(values).catch(rethrowTranslated);
  }

  override async all(values?: Record<string, unknown>): Promise<T['all']> {
    return await super.all(values).catch(rethrowTranslated);
  }
}

async function inTransaction<T>(tx: Transaction, body: (tx: Transaction) => Promise<T>, begin: SQL): Promise<T> {
  await tx.execute(begin);
  const result = await body(tx);
  try {
    await tx.execute(sql`commit`);
  } catch (error) {
    throw unknownOutcome(error);
  }
  return result;
}

/** A COMMIT whose answer got lost may have happened: the caller must not be told to just try again. */
function unknownOutcome(error: unknown): unknown {
  if (!(error instanceof AppError) || error.code !== 'unavailable') return error;
  return new AppError(error.code, error.message, { ...error.options, sideEffectPossible: true });
}

/**
 * Rolls back where the connection still works. After an infrastructure error it is closed instead, without waiting
 * for a server that may be frozen: closing aborts the transaction as surely.
 */
async function rolledBack(client: PoolClient, error: unknown): Promise<boolean> {
  if (error instanceof AppError && error.code === 'unavailable') return false;
  return await client.query('rollback').then(
    () => true,
    () => false,
  );
}

function begin({ isolationLevel, accessMode, deferrable }: PgTransactionConfig = {}): SQL {
  const modes = [
    isolationLevel ? `isolation level ${isolationLevel}` : '',
    accessMode ?? '',
    deferrable ? 'deferrable' : '',
  ];
  return sql.raw(['begin', ...modes].filter((mode) => mode !== '').join(' '));
}

function isPool(connection: Pool | PoolClient): connection is Pool {
  return 'totalCount' in connection;
}

function rethrowTranslated(error: unknown): never {
  throw translateDatabaseError(error);
}
