import { join } from 'node:path';
import type { OpsCommand } from '../command.ts';
import { repositoryRoot } from '../repository.ts';
import { runAttached } from '../run.ts';

export const benchCommand: OpsCommand = {
  verb: 'bench',
  summary: 'Measure what each hop adds in latency and CPU on this machine.',
  usage: `npm run bench -- [--requests N] [--streams N] [--concurrency N] [--rounds N] [--json]

Measures added latency and CPU per request against a mock vendor: directly, through the chat backend, and through
gateway and chat, interleaved in rounds. Everything is real (workerd, Postgres, authentication on every request) and
on this machine; numbers of different machines do not compare, the ratios of one run do.

  --requests N      unary requests per leg and round      (default 400)
  --streams N       streams of 50 chunks per leg and round (default 96)
  --concurrency N   connections while CPU is measured     (default 32)
  --rounds N        how often the legs take turns         (default 5)
  --json            the report for machines`,
  run: async (args) =>
    await runAttached({ argv: [process.execPath, join(repositoryRoot, 'bench/run.ts'), ...args], cwd: repositoryRoot }),
};
