/** Where the checks look, and as whom. They see what any client sees, and nothing else. */
export type CheckTarget = { url: string; apiKey: string };

/** One black-box check of a running environment: resolves with a short finding, or rejects with what was wrong. */
export type Check = { name: string; run: (target: CheckTarget) => Promise<string> };

export type CheckResult = { name: string; passed: boolean; detail: string; ms: number };

/** Runs checks one after the other, so that each is measured alone. None stops the others. */
export async function runChecks(checks: readonly Check[], target: CheckTarget): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of checks) {
    const startedAt = performance.now();
    const { passed, detail } = await outcome(check, target);
    results.push({ name: check.name, passed, detail, ms: Math.round(performance.now() - startedAt) });
  }
  return results;
}

async function outcome(check: Check, target: CheckTarget): Promise<{ passed: boolean; detail: string }> {
  try {
    return { passed: true, detail: await check.run(target) };
  } catch (error) {
    return { passed: false, detail: error instanceof Error ? error.message : String(error) };
  }
}
