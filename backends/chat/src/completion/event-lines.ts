import * as z from 'zod';
import { mask } from '#shared/log.ts';

const newline = 10;
const carriageReturn = 13;
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
    const start = lineStart(block, found);
    const end = lineEnd(block, found);
    const message = errorMessage(block.toString('utf8', start, end));
    if (message !== undefined) return { start, message };
    found = block.indexOf(errorKey, end);
  }
  return undefined;
}

/** Where the line begins that is not yet ended by the end of this chunk, or that `before` is in. */
export function lineStart(chunk: Buffer, before = chunk.length): number {
  return Math.max(chunk.lastIndexOf(newline, before), chunk.lastIndexOf(carriageReturn, before)) + 1;
}

function lineEnd(block: Buffer, from: number): number {
  const ends = [block.indexOf(newline, from), block.indexOf(carriageReturn, from)].filter((end) => end !== -1);
  return Math.min(block.length, ...ends);
}

/** Whether a stream that ended in these bytes said that it is complete. */
export function endsWithDone(tail: Buffer): boolean {
  return /(?:^|[\r\n])data: ?\[DONE\]\s*$/.test(tail.toString('latin1'));
}

/** Whether a comment can be put after these bytes without cutting an event in two. */
export function endsWithBlankLine(tail: Buffer): boolean {
  return /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)$/.test(tail.toString('latin1'));
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
