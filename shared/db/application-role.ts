import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import pg from 'pg';

/** The group role that migrations give the rights of the application (migrations/006_roles.sql). */
export const applicationRole = 'gaia_app';

/** What is wrong with the roles, in a sentence for whoever operates them. */
export class ApplicationRoleError extends Error {
  override readonly name = 'ApplicationRoleError';
}

/**
 * Makes sure, after the migrations, that a login of the application exists with this password, and gives the URL that
 * the backends are to connect with. Safe to repeat: it renews the grants, so that tables made by another role count.
 *
 *     const url = await ensureApplicationLogin(ownerUrl, password);
 */
export async function ensureApplicationLogin(
  ownerUrl: string,
  password: string,
  login = 'gaia_service',
): Promise<string> {
  const client = new pg.Client({ connectionString: ownerUrl, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined); // The query that is running rejects; this event alone would end the process.
  try {
    await client.connect();
    await prepare(client, login, password);
  } catch (error) {
    throw explained(error);
  } finally {
    await client.end().catch(() => undefined);
  }
  const url = new URL(ownerUrl);
  url.username = encodeURIComponent(login);
  url.password = encodeURIComponent(password);
  return url.href;
}

async function prepare(client: pg.Client, login: string, password: string): Promise<void> {
  const { rows } = await client.query<{ granted: boolean }>('select public.grant_application_role() as granted');
  if (!rows[0]?.granted) throw new ApplicationRoleError(missingRole);
  const name = pg.escapeIdentifier(login);
  const verifier = pg.escapeLiteral(scramVerifier(password));
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [login]);
  if (rowCount === 0) await client.query(`create role ${name} login`).catch(ignoreExisting);
  await client.query(`alter role ${name} login nosuperuser nocreatedb nocreaterole password ${verifier}`);
  await client.query(`grant ${applicationRole} to ${name}`);
  // Databases made before Postgres 15 let everybody make tables here.
  await client.query('revoke create on schema public from public');
}

const missingRole = `The role ${applicationRole} is missing and this user may not make it: have an administrator run "create role ${applicationRole} nologin" and try again.`;

/** Two starts at once: the other one was faster. */
function ignoreExisting(error: unknown): void {
  if (codeOf(error) !== '42710' && codeOf(error) !== '23505') throw error;
}

function explained(error: unknown): unknown {
  if (codeOf(error) === '42883') return new ApplicationRoleError('Run the migrations first.', { cause: error });
  if (codeOf(error) !== '42501') return error;
  const message =
    'This user may not manage roles: use the URL of one that may (CREATEROLE), or make the login by hand.';
  return new ApplicationRoleError(message, { cause: error });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** What Postgres stores of a password (RFC 5803). Sent in its place, so that no server log can hold the password. */
function scramVerifier(password: string): string {
  const [salt, iterations] = [randomBytes(16), 4_096];
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, iterations, 32, 'sha256');
  const hmac = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${hmac('Server Key').toString('base64')}`;
}
