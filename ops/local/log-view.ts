import * as z from 'zod';
import type { StackService } from './stack-plan.ts';

export type LogViewOptions = { verbose: boolean; colour: boolean };

const LineSchema = z.looseObject({ level: z.enum(['debug', 'info', 'warn', 'error']), message: z.string() });
const hidden = new Set(['time', 'level', 'message', 'service']);

/**
 * What wrangler says whenever it has no network, and the rest of a stack trace that goes with it; and its line for each
 * request, where our own has one whose path is masked.
 */
const noise = [
  /^\[wrangler:info\] [A-Z]+ \//,
  /Unable to fetch the `Request\.cf` object/,
  /getaddrinfo|workers\.cloudflare\.com|fetch failed/,
  /^\s+at .*\((node:|file:.*wrangler)/,
];
const wranglerTrouble = /\[ERROR\]|\[wrangler:(?:error|warn)\]|✘/;

/** One line of a service as a person wants to read it, or null for one that is not worth it. */
export function viewLine(service: StackService, line: string, { verbose, colour }: LogViewOptions): string | null {
  const prefix = paint(service.padEnd(8), '2', colour);
  const entry = LineSchema.safeParse(parseJson(line));
  if (!entry.success) return viewText(service, line, verbose) ? `${prefix}${line}` : null;
  const { level, message } = entry.data;
  if (!verbose && (level === 'info' || level === 'debug')) return null;
  const fields = Object.entries(entry.data)
    .filter(([name]) => !hidden.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${prefix}${paint(level.padEnd(6), colours[level], colour)}${[message, ...fields].join(' ')}`;
}

const colours = { debug: '2', info: '36', warn: '33', error: '31' } as const;

/** The backends print text that is not JSON only when they crash. */
function viewText(service: StackService, line: string, verbose: boolean): boolean {
  if (line.trim() === '' || noise.some((pattern) => pattern.test(line))) return false;
  return verbose || service !== 'gateway' || wranglerTrouble.test(line);
}

export function paint(text: string, code: string, colour: boolean): string {
  return colour ? `\u001b[${code}m${text}\u001b[0m` : text;
}

function parseJson(line: string): unknown {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
