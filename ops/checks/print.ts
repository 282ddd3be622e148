import type { CheckResult } from './check.ts';

/** One line a check, and the verdict at the end. Gives the exit code. */
export function printResults(results: readonly CheckResult[]): number {
  const width = Math.max(...results.map(({ name }) => name.length));
  for (const { name, passed, detail, ms } of results) {
    console.log(`  ${passed ? '✓' : '✗'} ${name.padEnd(width)}  ${detail} (${ms} ms)`);
  }
  const failed = results.filter(({ passed }) => !passed).length;
  console.log(`  ${results.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
