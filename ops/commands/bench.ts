import { join } from 'node:path';
import type { OpsCommand } from '../command.ts';
import { repositoryRoot } from '../repository.ts';
import { runAttached } from '../run.ts';

export const benchCommand: OpsCommand = {
  verb: 'bench',
  summary: 'Measure latency and throughput on this machine.',
  usage: `npm run bench -- [options]\n\nAll options go to bench/run.ts; \`npm run bench -- -- --help\` prints its own usage.`,
  run: async (args) =>
    await runAttached({ argv: [process.execPath, join(repositoryRoot, 'bench/run.ts'), ...args], cwd: repositoryRoot }),
};
