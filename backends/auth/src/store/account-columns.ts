import { sql } from 'drizzle-orm';
import { credentials, users } from '#shared/db/schema.ts';

/** The columns of an account; needs `credentials` in the join. */
export const accountColumns = {
  id: users.id,
  email: sql<string | null>`coalesce(${users.email}, ${credentials.email})`,
  name: users.name,
  role: users.role,
  isConfirmed: sql<boolean>`${users.email} IS NOT NULL`,
  disabledAt: users.disabledAt,
  createdAt: users.createdAt,
  updatedAt: users.updatedAt,
};
