import type { OpsCommand } from '../command.ts';
import { runQualityChecks } from '../local/quality-checks.ts';
import { concludeRun, runTests } from '../local/test-run.ts';

export const testCommand: OpsCommand = {
  verb: 'test',
  summary: 'Everything: format, lint, types, and all tests (unit, edge, contract, database, e2e, measuring).',
  usage: `npm test -- [vitest arguments]

Arguments go to vitest: \`npm test -- --project unit\`, \`npm test -- tests/e2e/start.test.ts\`.
The last line reads "N passed, N failed[, N skipped]"; each static check counts as one.`,
  run: async (args) => {
    const checks = await runQualityChecks();
    return concludeRun(checks, await runTests(args));
  },
};
