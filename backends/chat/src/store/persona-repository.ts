import { and, count, desc, eq, isNull, lt, or, sql, type SQL } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { ensureUser } from '#shared/db/ensure-user.ts';
import { violatedConstraint } from '#shared/db/database-error.ts';
import { personas, userPersonaPreferences, users } from '#shared/db/schema.ts';
import { AppError } from '#shared/http/error.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import { mu } from '../personas/mu.ts';
import type { Persona } from '../personas/persona.ts';
import type { NewPersona, PersonaPage, PersonaStore } from '../personas/persona-store.ts';

export function createPersonaStore(db: Database): PersonaStore {
  return {
    list: async (principal, page) => await list(db, principal, page),
    find: async (principal, id) => await first(db, and(eq(personas.id, id), visible(principal))),
    insert: async (principal, persona, atMost) =>
      await db.transaction(async (tx) => await insert(tx, principal, { persona, atMost })).catch(nameTaken),
    change: async (principal, id, change) => {
      const [row] = await db
        .update(personas)
        .set({ ...change, defaultVersion: null, updatedAt: sql`now()` })
        .where(and(eq(personas.id, id), visible(principal)))
        .returning()
        .catch(nameTaken);
      return row ? personaOf(row) : null;
    },
    remove: async (principal, id) => {
      await db.delete(personas).where(and(eq(personas.id, id), visible(principal), isNull(personas.defaultKey)));
    },
    chosen: async (principal) => {
      const choice = db
        .select({ id: userPersonaPreferences.personaId })
        .from(userPersonaPreferences)
        .where(eq(userPersonaPreferences.userId, principal.userId));
      return await first(db, and(sql`${personas.id} = (${choice})`, visible(principal), eq(personas.isActive, true)));
    },
    choose: async ({ userId }, personaId) => {
      await db.transaction(async (tx) => {
        await ensureUser(tx, userId);
        await tx
          .insert(userPersonaPreferences)
          .values({ userId, personaId })
          .onConflictDoUpdate({ target: userPersonaPreferences.userId, set: { personaId, updatedAt: sql`now()` } });
      });
    },
    ensureDefault: async () => {
      const present = await first(db, and(eq(personas.defaultKey, mu.key), sql`${isUpToDate}`));
      return present ?? (await putDefault(db, lt(personas.defaultVersion, mu.version)));
    },
    restoreDefault: async () => await putDefault(db, undefined),
  };
}

function visible({ userId }: UserPrincipal): SQL | undefined {
  return or(eq(personas.isShared, true), eq(personas.createdBy, userId));
}

const isUpToDate = sql`coalesce(${personas.defaultVersion} >= ${mu.version}, true)`;

async function first(db: Database, where: SQL | undefined): Promise<Persona | null> {
  const [row] = await db.select().from(personas).where(where).limit(1);
  return row ? personaOf(row) : null;
}

async function list(
  db: Database,
  principal: UserPrincipal,
  { limit, after }: { limit: number; after?: string | undefined },
): Promise<PersonaPage> {
  const mark = db
    .select({ createdAt: personas.createdAt, id: personas.id })
    .from(personas)
    .where(and(eq(personas.id, after ?? ''), visible(principal)));
  const older = after === undefined ? undefined : sql`(${personas.createdAt}, ${personas.id}) < (${mark})`;
  const [rows, [all]] = await Promise.all([
    db
      .select()
      .from(personas)
      .where(and(visible(principal), older))
      .orderBy(desc(personas.createdAt), desc(personas.id))
      .limit(limit + 1),
    db.select({ total: count() }).from(personas).where(visible(principal)),
  ]);
  const items = rows.slice(0, limit).map(personaOf);
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null, total: all?.total ?? 0 };
}

type Insertion = { persona: NewPersona; atMost: number };

/** The lock on the owner makes the count exact, also for many at once. */
async function insert(tx: Database, { userId }: UserPrincipal, { persona, atMost }: Insertion): Promise<Persona> {
  await ensureUser(tx, userId);
  await tx.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('no key update');
  const [own] = await tx.select({ personas: count() }).from(personas).where(eq(personas.createdBy, userId));
  if ((own?.personas ?? 0) >= atMost) {
    throw new AppError('conflict', `You have ${atMost} personas, and may not have more: delete one first`);
  }
  const [row] = await tx
    .insert(personas)
    .values({ ...persona, createdBy: userId })
    .returning();
  if (!row) throw new Error('an insert gave no row');
  return personaOf(row);
}

/** Of many at once, one makes the row. A row that is not overwritten is read as it is. */
async function putDefault(db: Database, overwrite: SQL | undefined): Promise<Persona> {
  const { key, version, ...text } = mu;
  const values = { ...text, defaultVersion: version, isShared: true, isActive: true };
  const [row] = await db
    .insert(personas)
    .values({ ...values, defaultKey: key })
    .onConflictDoUpdate({
      target: personas.defaultKey,
      set: { ...values, updatedAt: sql`now()` },
      ...(overwrite && { setWhere: overwrite }),
    })
    .returning();
  const persona = row ? personaOf(row) : await first(db, eq(personas.defaultKey, key));
  if (!persona) throw new AppError('unavailable', 'The default persona was being replaced; please try again');
  return persona;
}

function nameTaken(error: unknown): never {
  if (violatedConstraint(error) !== 'personas_name_idx') throw error;
  throw new AppError('conflict', 'You have a persona of this name already', { cause: error });
}

function personaOf(row: typeof personas.$inferSelect): Persona {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    systemPrompt: row.systemPrompt,
    personalityTraits: objectOf(row.personalityTraits),
    capabilities: objectOf(row.capabilities),
    isActive: row.isActive,
    isShared: row.isShared,
    isDefault: row.defaultKey !== null,
    createdBy: row.createdBy,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}

/** Imported rows may hold any JSON here. */
function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return {};
  return Array.isArray(value) ? { items: value } : { ...value };
}
