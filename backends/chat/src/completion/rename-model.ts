const openBrace = 123;
const closeBrace = 125;
const openBracket = 91;
const closeBracket = 93;
const quote = 34;
const backslash = 92;
const colon = 58;

/**
 * Replaces the value of the top-level `model` in a JSON object and leaves every other byte as it is, so that numbers,
 * escapes and spacing reach the vendor as the caller wrote them. The JSON must be valid and its keys unique.
 */
export function renameModel(json: Uint8Array, model: string): Uint8Array {
  const bytes = Buffer.from(json.buffer, json.byteOffset, json.byteLength);
  const value = modelValue(bytes);
  if (!value) return renamedByParsing(bytes, model);
  return Buffer.concat([bytes.subarray(0, value.start), Buffer.from(JSON.stringify(model)), bytes.subarray(value.end)]);
}

/** Where the value stands, quotes included. Long strings are jumped over, not walked through. */
function modelValue(bytes: Buffer): { start: number; end: number } | undefined {
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === openBrace || byte === openBracket) depth += 1;
    if (byte === closeBrace || byte === closeBracket) depth -= 1;
    if (byte !== quote) continue;
    const end = endOfString(bytes, at);
    const next = skipSpace(bytes, end);
    if (depth === 1 && bytes[next] === colon && bytes.toString('latin1', at, end) === '"model"') {
      const start = skipSpace(bytes, next + 1);
      return { start, end: endOfString(bytes, start) };
    }
    at = end - 1;
  }
  return undefined;
}

function endOfString(bytes: Buffer, start: number): number {
  let end = bytes.indexOf(quote, start + 1);
  while (backslashesBefore(bytes, end) % 2 === 1) end = bytes.indexOf(quote, end + 1);
  return end + 1;
}

function backslashesBefore(bytes: Buffer, position: number): number {
  let count = 0;
  while (bytes[position - 1 - count] === backslash) count += 1;
  return count;
}

function skipSpace(bytes: Buffer, position: number): number {
  let at = position;
  while (bytes[at] === 32 || bytes[at] === 10 || bytes[at] === 13 || bytes[at] === 9) at += 1;
  return at;
}

/** For a key that is spelt with escapes, such as `"\u006dodel"`. */
function renamedByParsing(bytes: Buffer, model: string): Uint8Array {
  const parsed: unknown = JSON.parse(bytes.toString('utf8'));
  return Buffer.from(JSON.stringify({ ...Object(parsed), model }));
}
