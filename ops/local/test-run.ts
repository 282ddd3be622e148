import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installedProgram, repositoryRoot } from '../repository.ts';
import { runAttached } from '../run.ts';
import { readIfThere } from './private-file.ts';
import { printStage, type CheckResult } from './quality-checks.ts';
import { reportVariable, TestReportSchema, type TestReport } from './test-report.ts';

/** How vitest ended, and what it reported; null when it ended before it could. */
export type TestRun = { code: number; report: TestReport | null };

/** Vitest's projects that need neither a database nor a platform that runs: what `npm run check` has time for. */
export const quickProjects: readonly string[] = ['unit', 'edge', 'contract'];

export type Tally = { passed: number; failed: number; skipped: number };

export async function runTests(args: string[]): Promise<TestRun> {
  const folder = await mkdtemp(join(tmpdir(), 'gaia-test-report-'));
  const path = join(folder, 'report.json');
  const startedAt = performance.now();
  try {
    const reporter = join(repositoryRoot, 'ops/local/test-report.ts');
    const code = await runAttached({
      argv: [installedProgram('vitest'), 'run', '--reporter=default', `--reporter=${reporter}`, ...args],
      cwd: repositoryRoot,
      env: { [reportVariable]: path },
    });
    printStage('vitest', code === 0, performance.now() - startedAt);
    return { code, report: parseReport(await readIfThere(path)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Adds up checks and tests, each check as one. Whatever makes a run worthless counts as a failure too: a runner that
 * crashed, errors outside of tests, not a single test executed, an exit code that no failed test explains.
 */
export function tally(checks: readonly CheckResult[], { code, report }: TestRun): Tally {
  const { passed = 0, failed = 0, errors = 0, skipped = [] } = report ?? {};
  const passedChecks = checks.filter(({ ok }) => ok).length;
  const failures = failed + errors;
  const unexplained = failures === 0 && (report === null || code !== 0 || passed === 0) ? 1 : 0;
  return {
    passed: passed + passedChecks,
    failed: failures + unexplained + checks.length - passedChecks,
    skipped: skipped.length,
  };
}

/** The last line of a run. */
export function finalLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Prints why tests were skipped and what is wrong besides failed tests, then the final line; gives the exit code. */
export function concludeRun(checks: readonly CheckResult[], tests: TestRun): number {
  for (const { name, reason } of tests.report?.skipped ?? []) console.log(`skipped: ${name}: ${reason}`);
  for (const trouble of troubles(tests)) console.log(trouble);
  const sum = tally(checks, tests);
  console.log(finalLine(sum));
  return sum.failed === 0 ? 0 : 1;
}

function troubles({ code, report }: TestRun): string[] {
  if (report === null) return [`vitest ended (exit code ${code}) before it could report: the run is worthless.`];
  const { passed, failed, errors } = report;
  if (errors > 0) return [`${errors} errors outside of tests: a file, a hook or a lost promise; see above.`];
  if (passed + failed === 0) return ['Not a single test was executed.'];
  if (code !== 0 && failed === 0) return [`vitest ended with exit code ${code} although no test failed.`];
  return [];
}

function parseReport(text: string | null): TestReport | null {
  return text === null ? null : TestReportSchema.parse(JSON.parse(text));
}
