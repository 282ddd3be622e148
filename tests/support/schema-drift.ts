import { pushSchema } from 'drizzle-kit/api';
import { getTableName } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import * as schema from '../../shared/db/schema.ts';

/** The statements that would make a database what shared/db/schema.ts says: none when the two agree. */
export async function schemaDrift(url: string): Promise<string[]> {
  const pool = new pg.Pool({ connectionString: url });
  // A connection that is still saying goodbye may meet the end of its database.
  pool.on('error', () => undefined);
  try {
    const names = Object.values(schema).map(getTableName);
    const { statementsToExecute } = await pushSchema(schema, drizzle(pool), ['public'], names);
    return statementsToExecute;
  } finally {
    await pool.end();
  }
}
