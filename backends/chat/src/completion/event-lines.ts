import * as z from 'zod';
import { mask } from '#shared/log.ts';

const newline = 10;
const errorKey = Buffer.from('"error"');
const VendorError = z.object({
  error: z.union([z.string(), z.object({ message: z.string() }), z.record(z.string(), z.unknown())]),
});

/** A vendor's own error event: where its line starts, and what it says, masked. */
export type VendorErrorEvent = { start: number; message: string };

/**
 * Looks for an event that is an error in a block of whole lines. Text that a model wrote cannot be taken for one:
 * inside a JSON string the quotes are escaped. Blocks without the word, nearly all of them, cost one search.
 */
export function findErrorEvent(block: Buffer): VendorErrorEvent | undefined {
  let found = block.indexOf(errorKey);
  while (found !== -1) {
    const start = block.lastIndexOf(newline, found) + 1;
    const end = block.indexOf(newline, found);
    const message = errorMessage(block.toString('utf8', start, end === -1 ? block.length : end));
    if (message !== undefined) return { start, message };
    found = end === -1 ? -1 : block.indexOf(errorKey, end);
  }
  return undefined;
}

/** Whether a stream that ended in these bytes said that it is complete. */
export function endsWithDone(tail: Buffer): boolean {
  return /(?:^|\n)data: ?\[DONE\]\s*$/.test(tail.toString('latin1'));
}

/** Whether a comment can be put after these bytes without cutting an event in two. */
export function endsWithBlankLine(tail: Buffer): boolean {
  return /(?:^|\n)\r?\n$/.test(tail.toString('latin1'));
}

function errorMessage(line: string): string | undefined {
  if (!line.startsWith('data:')) return undefined;
  const result = VendorError.safeParse(parsedOrNothing(line.slice(5)));
  if (!result.success) return undefined;
  const { error } = result.data;
  const message = typeof error === 'string' ? error : error['message'];
  return mask(typeof message === 'string' ? message : 'no reason given').slice(0, 1_000);
}

function parsedOrNothing(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
