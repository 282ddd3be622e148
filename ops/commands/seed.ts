import { OpsError, parseOptions, type OpsCommand } from '../command.ts';
import { devUserEmail, seedKeyOnce } from '../local/seed.ts';

export const seedCommand: OpsCommand = {
  verb: 'seed',
  summary: `Make the user ${devUserEmail} in a local database and print its key once.`,
  usage: `node ops/gaia.js seed [--database-url-from NAME]

  --database-url-from NAME  the variable that holds the URL (default: DATABASE_URL, from the environment or .env)

Needs a migrated database on this machine. Where the user already has a working key, nothing changes.`,
  readsDotEnv: true,
  run: async (args) => {
    const { values } = parseOptions(args, {
      options: { 'database-url-from': { type: 'string', default: 'DATABASE_URL' } },
    });
    return await seed(values['database-url-from']);
  },
};

/** Prints a fresh key, or says that there is one already. */
export async function seed(variable: string): Promise<number> {
  const url = localUrlIn(variable);
  const key = await seedKeyOnce(url).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message || error.name : String(error);
    throw new OpsError(
      `The database of ${variable} could not be seeded (${reason}): is it up (\`docker compose up -d --wait\`) and migrated (\`npm run migrate\`)?`,
      { cause: error },
    );
  });
  if (key === null) {
    console.log(`${devUserEmail} already has a working key, which is stored as a hash only: nothing was changed.`);
    return 0;
  }
  console.log(`The key of ${devUserEmail}, shown this once:\n${key}`);
  return 0;
}

/** A key with every scope for a user everybody knows belongs on no other machine. */
function localUrlIn(variable: string): string {
  const url = process.env[variable];
  if (!url) throw new OpsError(`${variable} is not set: run \`npm run setup\` first, or set it to a local database.`);
  const host = URL.parse(url)?.hostname ?? '';
  if (['localhost', '127.0.0.1', '[::1]', 'db'].includes(host)) return url;
  throw new OpsError(`${variable} is not a database on this machine: the development user belongs on no other.`);
}
