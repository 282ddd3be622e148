import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '#shared/config.ts';
import { mask } from '#shared/log.ts';
import { OpsError, UsageError, type OpsCommand } from './command.ts';
import { repositoryRoot } from './repository.ts';

/** Loaded one by one, so that a verb starts without what only the others need. */
const verbs: Record<string, () => Promise<OpsCommand>> = {
  start: async () => (await import('./commands/start.ts')).startCommand,
  dev: async () => (await import('./commands/dev.ts')).devCommand,
  gateway: async () => (await import('./commands/gateway.ts')).gatewayCommand,
  setup: async () => (await import('./commands/setup.ts')).setupCommand,
  migrate: async () => (await import('./commands/migrate.ts')).migrateCommand,
  seed: async () => (await import('./commands/seed.ts')).seedCommand,
  'rotate-token-keys': async () => (await import('./commands/rotate-token-keys.ts')).rotateTokenKeysCommand,
  check: async () => (await import('./commands/check.ts')).checkCommand,
  fix: async () => (await import('./commands/fix.ts')).fixCommand,
  test: async () => (await import('./commands/test.ts')).testCommand,
  'test-compose': async () => (await import('./commands/test-compose.ts')).testComposeCommand,
  bench: async () => (await import('./commands/bench.ts')).benchCommand,
};

/** Runs one verb and gives the exit code: 0 done, 1 failed, 2 not understood. */
export async function main([verb, ...args]: string[]): Promise<number> {
  try {
    if (verb === undefined || verb === 'help' || isHelp(verb)) return await printVerbs(verb === undefined ? 2 : 0);
    const load = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
    if (!load) throw new UsageError(`There is no verb '${verb}': \`node ops/gaia.js --help\` lists them.`);
    return await runCommand(await load(), args);
  } catch (error) {
    return report(error, verb);
  }
}

async function runCommand(command: OpsCommand, args: string[]): Promise<number> {
  const end = args.indexOf('--');
  if (args.slice(0, end < 0 ? undefined : end).some(isHelp)) {
    console.log(`${command.summary}\n\n${command.usage}`);
    return 0;
  }
  const envFile = join(repositoryRoot, '.env');
  if (command.readsDotEnv && existsSync(envFile)) process.loadEnvFile(envFile);
  return await command.run(args);
}

async function printVerbs(code: number): Promise<number> {
  const commands = await Promise.all(Object.values(verbs).map((load) => load()));
  const width = Math.max(...commands.map(({ verb }) => verb.length)) + 2;
  const lines = commands.map(({ verb, summary }) => `  ${verb.padEnd(width)}${summary}`);
  console.log(`Usage: node ops/gaia.js <verb> [options]\n\n${lines.join('\n')}\n\n<verb> --help says more.`);
  return code;
}

function isHelp(arg: string): boolean {
  return arg === '--help' || arg === '-h';
}

function report(error: unknown, verb = ''): number {
  if (error instanceof UsageError) {
    console.error(error.message);
    return 2;
  }
  if (error instanceof OpsError || error instanceof ConfigError) {
    console.error(error.message);
    return 1;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  console.error(`${verb} failed in a way it did not expect: ${mask(text)}`);
  return 1;
}
