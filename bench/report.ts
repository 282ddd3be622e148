import { legTitles } from './legs.ts';
import type { Counts, LegResult, Round } from './measure.ts';
import { quantile, spreadOf, type Spread } from './statistics.ts';
import type { Verdict } from './targets.ts';

export type Report = { counts: Counts; legs: LegResult[]; skipped: Record<string, string>; verdicts: Verdict[] };

/** Prints what was measured as tables, and last how it stands against the targets. */
export function printReport({ counts, legs, skipped, verdicts }: Report): void {
  const direct = legs.find(({ name }) => name === 'direct');
  if (legs.length > 0) {
    console.log(`\nMilliseconds at one connection (${counts.rounds} interleaved rounds)`);
    table(
      ['', 'unary p50', 'added', 'p95', 'p99', 'first token p50', 'added'],
      legs.map((leg) => latencyRow(leg, direct)),
    );
    console.log(`\nUnary at ${counts.concurrency} connections`);
    table(
      ['', 'requests/s', 'p50 ms', 'p95', 'p99'],
      legs.map(({ name, latencies: { loaded }, rounds }) => [
        legTitles[name],
        spread(spreadOf(rounds.map(({ perSecond }) => perSecond)), 0),
        ...[0.5, 0.95, 0.99].map((q) => quantile(loaded, q).toFixed(2)),
      ]),
    );
    console.log(`\nµs of CPU per request at ${counts.concurrency} connections: median (lowest to highest round)`);
    table(['', 'process', 'unary', 'stream of 50 chunks'], legs.flatMap(cpuRows));
  }
  for (const [name, why] of Object.entries(skipped)) console.log(`\nSkipped: ${name}, because ${why}`);
  console.log('\nAgainst the targets: median (lowest to highest round)');
  table(
    ['', 'found', 'target', ''],
    verdicts.map(({ what, found, target, unit, met }) => [what, figure(found, unit), target, verdictOf(met, target)]),
  );
}

function latencyRow({ name, latencies: { alone, firstToken } }: LegResult, direct: LegResult | undefined): string[] {
  const added = (values: number[], base: number[] | undefined): string =>
    base === undefined || name === 'direct' ? '' : signed(quantile(values, 0.5) - quantile(base, 0.5));
  return [
    legTitles[name],
    quantile(alone, 0.5).toFixed(2),
    added(alone, direct?.latencies.alone),
    quantile(alone, 0.95).toFixed(2),
    quantile(alone, 0.99).toFixed(2),
    quantile(firstToken, 0.5).toFixed(2),
    added(firstToken, direct?.latencies.firstToken),
  ];
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(2)}`;
}

function cpuRows({ name, rounds }: LegResult): string[][] {
  const cells = (process: string, of: (round: Round) => Record<string, number | null>): string => {
    const known = rounds.map((round) => of(round)[process] ?? null).filter((value) => value !== null);
    return known.length === 0 ? 'not measured' : spread(spreadOf(known), 0);
  };
  return Object.keys(rounds[0]?.unaryCpu ?? {}).map((process, index) => [
    index === 0 ? legTitles[name] : '',
    process,
    cells(process, ({ unaryCpu }) => unaryCpu),
    cells(process, ({ streamCpu }) => streamCpu),
  ]);
}

function figure(found: Spread | null, unit: string): string {
  if (!found) return 'not measured';
  const digits = Number.isInteger(found.median) || found.median >= 100 ? 0 : 2;
  const text = found.min === found.max ? found.median.toFixed(digits) : spread(found, digits);
  return unit ? `${text} ${unit}` : text;
}

function verdictOf(met: boolean | null, target: string): string {
  if (target === '') return '';
  if (met === null) return '—';
  return met ? 'pass' : 'MISS';
}

function spread({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}

function table(head: string[], rows: string[][]): void {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  for (const row of [head, ...rows]) {
    console.log(
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('   ')
        .trimEnd(),
    );
  }
}
