import { resolve } from 'node:path';
import { parseOptions, parsePort, type OpsCommand } from '../command.ts';
import { runStack, type RunStackOptions } from '../local/run-stack.ts';
import { localDirectory } from '../repository.ts';

export const startCommand: OpsCommand = {
  verb: 'start',
  summary: 'Run all of Gaia on this machine: Postgres, NATS where installed, the backends, the gateway.',
  usage: `npm start -- [--port N] [--verbose] [--directory DIR]

  --port N         the gateway's port (default: PORT, or 8666; 0 takes a free one)
  --verbose        show all logs, not only warnings and errors
  --directory DIR  keep database, keys and logs there (default: .gaia)

Provider keys in the environment or in .env (OPENAI_API_KEY, …) reach the chat backend.
Ctrl-C stops everything; a second one kills it.`,
  readsDotEnv: true,
  run: async (args) => await runStack({ ...readStackOptions(args), reload: false }),
};

/** What `start` and `dev` understand. */
export function readStackOptions(
  args: string[],
  env: NodeJS.ProcessEnv = process.env,
): Omit<RunStackOptions, 'reload'> {
  const { values } = parseOptions(args, {
    options: {
      port: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      directory: { type: 'string', default: localDirectory },
    },
  });
  const port = values.port === undefined ? parsePort(env['PORT'] || '8666', 'PORT') : parsePort(values.port, '--port');
  return { port, verbose: values.verbose, directory: resolve(values.directory) };
}
