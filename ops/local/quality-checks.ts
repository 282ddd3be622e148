import { installedProgram, repositoryRoot } from '../repository.ts';
import { run } from '../run.ts';

export type QualityCheck = { name: string; argv: readonly [string, ...string[]] };

// They run side by side, so the compiler gets one thread for each: with four, it computes much twice.
const typeCheck = [installedProgram('tsc'), '--checkers', '1', '-p'] as const;

/** What is checked without running anything, as `npm run check` and `npm test` do it. Types at the edge are others. */
export const qualityChecks: readonly QualityCheck[] = [
  { name: 'format', argv: [installedProgram('oxfmt'), '--check'] },
  { name: 'lint', argv: [installedProgram('oxlint'), '--quiet'] },
  { name: 'types', argv: [...typeCheck, '.'] },
  { name: 'types at the edge', argv: [...typeCheck, 'edge-gateway'] },
];

export type CheckResult = { name: string; ok: boolean };

/** Runs them side by side, each to its end even when another failed, and prints what the failing ones said. */
export async function runQualityChecks(checks: readonly QualityCheck[] = qualityChecks): Promise<CheckResult[]> {
  return await Promise.all(
    checks.map(async ({ name, argv }) => {
      const startedAt = performance.now();
      const { code, stdout, stderr } = await run({ argv, cwd: repositoryRoot });
      const ok = code === 0;
      if (!ok) console.log(`${stdout}${stderr}`.trimEnd());
      printStage(name, ok, performance.now() - startedAt);
      return { name, ok };
    }),
  );
}

export function printStage(name: string, ok: boolean, ms: number): void {
  console.log(`${ok ? '✓' : '✗'} ${name.padEnd(20)}${(ms / 1_000).toFixed(1)} s`);
}
