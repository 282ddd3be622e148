import { expect, test } from 'vitest';
import type { TestReport } from './test-report.ts';
import { finalLine, tally } from './test-run.ts';

const checks = [
  { name: 'format', ok: true },
  { name: 'lint', ok: true },
];
const report = (some: Partial<TestReport>): TestReport => ({ passed: 5, failed: 0, skipped: [], errors: 0, ...some });

test('counts each check as one test', () => {
  expect(tally(checks, { code: 0, report: report({}) })).toEqual({ passed: 7, failed: 0, skipped: 0 });
  const [format] = checks;
  expect(tally([{ name: 'lint', ok: false }, ...(format ? [format] : [])], { code: 0, report: report({}) })).toEqual({
    passed: 6,
    failed: 1,
    skipped: 0,
  });
});

test.each([
  ['a runner that crashed before it could report', { code: 139, report: null }, 1],
  ['a runner that claims success but left no report', { code: 0, report: null }, 1],
  ['a run of nothing', { code: 0, report: report({ passed: 0 }) }, 1],
  ['a run in which everything was skipped', { code: 0, report: report({ passed: 0, skipped: [skip('a')] }) }, 1],
  ['an exit code that no failed test explains', { code: 1, report: report({}) }, 1],
  ['errors outside of tests', { code: 1, report: report({ errors: 2 }) }, 2],
  ['failed tests, and no more than those', { code: 1, report: report({ failed: 3 }) }, 3],
] as const)('counts as failure: %s', (_what, run, failed) => {
  expect(tally(checks, run).failed).toBe(failed);
});

test('ends with the line that others read, which names skipped tests only when there are some', () => {
  expect(finalLine({ passed: 12, failed: 0, skipped: 0 })).toBe('12 passed, 0 failed');
  expect(finalLine({ passed: 12, failed: 1, skipped: 2 })).toBe('12 passed, 1 failed, 2 skipped');
});

function skip(name: string): TestReport['skipped'][number] {
  return { name, reason: 'because' };
}
