import { join } from 'node:path';
import type { Command } from '../run.ts';

export type GatewayPlanInputs = {
  workerd: string;
  /** Where the two capnp configurations are. */
  configurations: string;
  /** A private directory of this run: the limiter's socket and what it counted. */
  directory: string;
  settings: Record<string, string>;
  /** Put before a command to end it when we are killed; empty where the system has nothing like it. */
  leash: readonly string[];
};

export type GatewayPlan = {
  limiter: Command;
  /** One of the processes that serve; its listening socket is inherited as descriptor 3. */
  gateway: Command;
};

/** Both kinds of process as data. Settings travel in the environment; argv is public on a machine. */
export function planGatewayProcesses({
  workerd,
  configurations,
  directory,
  settings,
  leash,
}: GatewayPlanInputs): GatewayPlan {
  const limiterSocket = `unix:${join(directory, 'limiter.sock')}`;
  return {
    limiter: {
      argv: withLeash(leash, [
        workerd,
        'serve',
        join(configurations, 'workerd-limiter.capnp'),
        '--control-fd=1',
        `--socket-addr=http=${limiterSocket}`,
        `--directory-path=disk=${join(directory, 'limits')}`,
      ]),
    },
    gateway: {
      argv: withLeash(leash, [
        workerd,
        'serve',
        join(configurations, 'workerd.capnp'),
        '--control-fd=1',
        '--socket-fd=http=3',
        `--external-addr=limiter=${limiterSocket}`,
      ]),
      env: settings,
    },
  };
}

function withLeash(leash: readonly string[], [file = '', ...args]: string[]): Command['argv'] {
  const [first, ...others] = leash;
  return first === undefined ? [file, ...args] : [first, ...others, file, ...args];
}
