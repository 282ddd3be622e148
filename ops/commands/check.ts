import { availableParallelism } from 'node:os';
import { parseOptions, type OpsCommand } from '../command.ts';
import { runQualityChecks } from '../local/quality-checks.ts';
import { concludeRun, runTests } from '../local/test-run.ts';

export const checkCommand: OpsCommand = {
  verb: 'check',
  summary: 'What must be green before a review: format, lint, types, and the unit, edge and contract tests.',
  usage: 'npm run check',
  run: async (args) => {
    parseOptions(args, { options: {} });
    const checks = await runQualityChecks();
    // On two cores vitest takes one by itself; these tests measure nothing that a neighbour could disturb.
    const projects = ['unit', 'edge', 'contract'].map((project) => `--project=${project}`);
    const tests = await runTests([...projects, `--maxWorkers=${availableParallelism()}`]);
    return concludeRun(checks, tests);
  },
};
