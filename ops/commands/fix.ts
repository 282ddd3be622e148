import { parseOptions, type OpsCommand } from '../command.ts';
import { installedProgram, repositoryRoot } from '../repository.ts';
import { runAttached } from '../run.ts';

export const fixCommand: OpsCommand = {
  verb: 'fix',
  summary: 'Repair what can be repaired by itself: format, and lint findings with a safe fix.',
  usage: 'npm run fix',
  run: async (args) => {
    parseOptions(args, { options: {} });
    const lint = await runAttached({ argv: [installedProgram('oxlint'), '--fix'], cwd: repositoryRoot });
    const format = await runAttached({ argv: [installedProgram('oxfmt')], cwd: repositoryRoot });
    return Math.max(lint, format);
  },
};
