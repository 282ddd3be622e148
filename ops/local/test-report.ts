import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import * as z from 'zod';

/** What a vitest run came to. vitest's own JSON says neither why a test was skipped nor of errors outside of tests. */
export const TestReportSchema = z.object({
  passed: z.int(),
  failed: z.int(),
  skipped: z.array(z.object({ name: z.string(), reason: z.string() })),
  /** Files that did not load, hooks that failed, errors that nobody awaited. */
  errors: z.int(),
});

export type TestReport = z.infer<typeof TestReportSchema>;

/** The variable that says where the report goes. */
export const reportVariable = 'GAIA_TEST_REPORT';

class TestReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const path = process.env[reportVariable];
    if (path !== undefined) writeFileSync(path, JSON.stringify(reportOf(modules, unhandled.length)));
  }
}

// oxlint-disable-next-line import/no-default-export -- vitest loads a reporter by its default export
export default TestReporter;

function reportOf(modules: readonly TestModule[], unhandled: number): TestReport {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
  const inState = (state: string): TestCase[] => tests.filter((test) => test.result().state === state);
  return {
    passed: inState('passed').length,
    // A test that never finished did not pass.
    failed: inState('failed').length + inState('pending').length,
    skipped: inState('skipped').map((test) => ({ name: test.fullName, reason: reasonOf(test) })),
    errors: unhandled + suites.filter((suite) => suite.errors().length > 0).length,
  };
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  const told = note ?? /\(skipped: ([^)]+)\)/.exec(test.fullName)?.[1]; // The second from `describe.skipIf`.
  if (told) return told;
  return test.options.mode === 'run'
    ? 'another test or a hook decided so'
    : `marked ${test.options.mode}, no reason given`;
}
