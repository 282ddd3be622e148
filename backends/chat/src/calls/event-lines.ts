const newline = 10;
const carriageReturn = 13;

/** Where the line begins that is not yet ended by the end of this chunk, or that `before` is in. */
export function lineStart(chunk: Buffer, before = chunk.length): number {
  return Math.max(chunk.lastIndexOf(newline, before), chunk.lastIndexOf(carriageReturn, before)) + 1;
}

export function lineEnd(block: Buffer, from: number): number {
  const ends = [block.indexOf(newline, from), block.indexOf(carriageReturn, from)].filter((end) => end !== -1);
  return Math.min(block.length, ...ends);
}

/** Behind the line that ends at `end` and the blank line that closes its event. */
export function eventEnd(block: Buffer, end: number): number {
  return skipLineEnd(block, skipLineEnd(block, end));
}

/** The data of the line that position `at` is in, or undefined where it is no data line. */
export function dataAt(block: Buffer, at: number): string | undefined {
  const line = block.toString('utf8', lineStart(block, at), lineEnd(block, at));
  return line.startsWith('data:') ? line.slice(5).trimStart() : undefined;
}

/** Whether a comment can be put after these bytes without cutting an event in two. */
export function endsWithBlankLine(tail: Buffer): boolean {
  return /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)$/.test(tail.toString('latin1', tail.length - 4));
}

/** With the blank line behind it, without which a strict reader throws an event away. */
export function closedEvent(event: Buffer): Buffer {
  if (endsWithBlankLine(event)) return event;
  const last = event.at(-1);
  if (last === carriageReturn) return Buffer.concat([event, Buffer.from('\r')]);
  return Buffer.concat([event, Buffer.from(last === newline ? '\n' : '\n\n')]);
}

/** Of the JSON string that begins at `start`, behind its opening quote; where it does not end, of what there is of it. */
export function lengthOfString(text: string, start: number): number {
  let end = text.indexOf('"', start);
  while (end !== -1 && backslashesBefore(text, end) % 2 === 1) end = text.indexOf('"', end + 1);
  return (end === -1 ? text.length : end) - start;
}

function backslashesBefore(text: string, position: number): number {
  let count = 0;
  while (text[position - 1 - count] === '\\') count += 1;
  return count;
}

function skipLineEnd(block: Buffer, at: number): number {
  if (block[at] === carriageReturn && block[at + 1] === newline) return at + 2;
  return block[at] === carriageReturn || block[at] === newline ? at + 1 : at;
}
