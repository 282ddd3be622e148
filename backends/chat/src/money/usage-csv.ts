import { describeTotals, type UsageRow } from './usage-report.ts';

const names = ['date', 'operation', 'provider', 'model', 'key_id', 'key_name'] as const;
const figures = [
  'calls',
  'failed_calls',
  'cancelled_calls',
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'total_tokens',
  'cost_micros',
  'cost_usd',
] as const;

/** RFC 4180, with a line of names first. */
export function usageCsv(rows: readonly UsageRow[]): string {
  return [names.concat().map(String).concat(figures), ...rows.map(cellsOf)]
    .map((cells) => `${cells.join(',')}\r\n`)
    .join('');
}

function cellsOf(row: UsageRow): string[] {
  const totals = describeTotals(row);
  const texts = [row.day, row.operation, row.provider, row.model, row.keyId ?? '', row.keyName ?? ''];
  return [...texts.map(cell), ...figures.map((name) => decimal(totals[name]))];
}

/** A spreadsheet runs a cell that begins like a formula; behind an apostrophe it is text. */
function cell(text: string): string {
  const safe = /^[\s\p{Cc}]*[=+\-@＝＋－＠]|^[\t\r\n]/u.test(text) ? `'${text}` : text;
  return /[",\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Never 1e-7: micro-dollars have six decimals. */
function decimal(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(6).replace(/0+$/, '');
}
