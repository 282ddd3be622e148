import { parseArgs, type ParseArgsConfig } from 'node:util';

/** One verb of the CLI. `run` gives the exit code: 0 only when everything that was asked really happened. */
export type OpsCommand = {
  verb: string;
  summary: string;
  usage: string;
  /** Reads `.env` first, where there is one. What the shell has set wins. */
  readsDotEnv?: boolean;
  run: (args: string[]) => Promise<number>;
};

/** The command line makes no sense: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** It went wrong for a reason that one sentence can tell, with what to do about it: exit code 1 and no stack. */
export class OpsError extends Error {
  override readonly name = 'OpsError';
}

/** `parseArgs`, strict, and with its complaints as usage errors. */
export function parseOptions<Config extends ParseArgsConfig>(
  args: string[],
  config: Config,
): ReturnType<typeof parseArgs<Config & { args: string[] }>> {
  try {
    return parseArgs({ ...config, args });
  } catch (error) {
    // It goes on with how to pass such an argument all the same, which is not what anybody wants here.
    const [sentence] = (error instanceof Error ? error.message : String(error)).split(/(?<=[^.])\.\s/);
    throw new UsageError(`${sentence?.replace(/\.$/, '')}: see --help.`, { cause: error });
  }
}

/** Reads a port number from a command line or a variable. */
export function parsePort(text: string, name: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new UsageError(`${name} must be a port number from 0 to 65535, not '${text}'.`);
}
