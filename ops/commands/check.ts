import { parseOptions, type OpsCommand } from '../command.ts';
import { runQualityChecks } from '../local/quality-checks.ts';
import { concludeRun, quickProjects, runTests } from '../local/test-run.ts';

export const checkCommand: OpsCommand = {
  verb: 'check',
  summary:
    'What must be green before a review: format, lint, types, and the tests without a database (unit, edge, contract).',
  usage: 'npm run check',
  run: async (args) => {
    parseOptions(args, { options: {} });
    const checks = await runQualityChecks();
    const tests = await runTests(quickProjects.map((project) => `--project=${project}`));
    return concludeRun(checks, tests);
  },
};
