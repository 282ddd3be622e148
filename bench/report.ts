import type { LegReport, Measured } from './measure.ts';

/** Prints what was measured as tables, with what each hop adds to the direct way. */
export function printReport({ counts, legs }: Measured): void {
  const direct = legs.find(({ leg }) => leg === 'direct');
  console.log(`\nLatency in ms at one connection, ${counts.rounds} interleaved rounds`);
  table(
    ['', 'unary p50', 'added', 'p95', 'first token p50', 'added', 'p95'],
    legs.map((leg) => [
      names[leg.leg] ?? leg.leg,
      ms(leg.unary.p50),
      added(leg, direct, (report) => report.unary.p50),
      ms(leg.unary.p95),
      ms(leg.firstToken.p50),
      added(leg, direct, (report) => report.firstToken.p50),
      ms(leg.firstToken.p95),
    ]),
  );
  console.log(`\nCPU in µs per request at ${counts.concurrency} connections (unary / stream of 50 chunks)`);
  const processes = Object.keys(direct?.cpuUnary ?? {});
  table(
    ['', ...processes],
    legs
      .filter((leg) => leg !== direct)
      .map((leg) => [
        names[leg.leg] ?? leg.leg,
        ...processes.map((name) => `${us(leg.cpuUnary[name])} / ${us(leg.cpuStream[name])}`),
      ]),
  );
}

const names: Record<string, string> = {
  direct: 'direct to the vendor',
  chat: 'through chat',
  gateway: 'through gateway and chat',
};

function added(leg: LegReport, direct: LegReport | undefined, of: (report: LegReport) => number): string {
  return direct && leg !== direct ? `+${ms(of(leg) - of(direct))}` : '';
}

function ms(value: number): string {
  return value.toFixed(2);
}

function us(value: number | null | undefined): string {
  return value === null || value === undefined ? 'not measured' : String(value);
}

function table(head: string[], rows: string[][]): void {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  for (const row of [head, ...rows]) {
    console.log(
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('   '),
    );
  }
}
