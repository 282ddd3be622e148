import type { OpsCommand } from '../command.ts';
import { runStack } from '../local/run-stack.ts';
import { readStackOptions } from './start.ts';

export const devCommand: OpsCommand = {
  verb: 'dev',
  summary: 'The same as start, and services reload when their sources change.',
  usage: `npm run dev -- [--port N] [--verbose] [--directory DIR]

A backend restarts when its own sources or shared/ change; the gateway reloads by itself.
The options are those of start.`,
  readsDotEnv: true,
  run: async (args) => await runStack({ ...readStackOptions(args), reload: true }),
};
