const openBrace = 123;
const closeBrace = 125;
const openBracket = 91;
const closeBracket = 93;
const quote = 34;
const backslash = 92;
const colon = 58;
const comma = 44;

/**
 * Sets a top-level member of a JSON object and leaves every other byte as it is, so that numbers, escapes and spacing
 * reach the vendor as the caller wrote them. The JSON must be valid and its keys unique.
 */
export function setMember(json: Uint8Array, name: string, value: unknown): Uint8Array {
  const bytes = Buffer.from(json.buffer, json.byteOffset, json.byteLength);
  const written = Buffer.from(JSON.stringify(value));
  const found = valueOf(bytes, JSON.stringify(name));
  if (found) return Buffer.concat([bytes.subarray(0, found.start), written, bytes.subarray(found.end)]);
  if (hasEscapedKey(bytes)) return setByParsing(bytes, name, value);
  return inserted(bytes, Buffer.concat([Buffer.from(`${JSON.stringify(name)}:`), written]));
}

/** As the first member. */
function inserted(bytes: Buffer, member: Buffer): Uint8Array {
  const start = skipSpace(bytes, 0) + 1;
  const isEmpty = bytes[skipSpace(bytes, start)] === closeBrace;
  return Buffer.concat([bytes.subarray(0, start), member, Buffer.from(isEmpty ? '' : ','), bytes.subarray(start)]);
}

/** Where the value stands, quotes included. Long strings are jumped over, not walked through. */
function valueOf(bytes: Buffer, quotedName: string): { start: number; end: number } | undefined {
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === openBrace || byte === openBracket) depth += 1;
    if (byte === closeBrace || byte === closeBracket) depth -= 1;
    if (byte !== quote) continue;
    const end = endOfString(bytes, at);
    const next = skipSpace(bytes, end);
    if (depth === 1 && bytes[next] === colon && bytes.toString('utf8', at, end) === quotedName) {
      const start = skipSpace(bytes, next + 1);
      return { start, end: endOfValue(bytes, start) };
    }
    at = end - 1;
  }
  return undefined;
}

function endOfValue(bytes: Buffer, start: number): number {
  const first = bytes[start];
  if (first === quote) return endOfString(bytes, start);
  return first === openBrace || first === openBracket ? endOfNested(bytes, start) : endOfWord(bytes, start);
}

function endOfNested(bytes: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === quote) at = endOfString(bytes, at) - 1;
    if (byte === openBrace || byte === openBracket) depth += 1;
    if (byte === closeBrace || byte === closeBracket) depth -= 1;
    if (depth === 0) return at + 1;
  }
  return bytes.length;
}

/** A number, true, false or null. */
function endOfWord(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] !== comma && bytes[at] !== closeBrace && !isSpace(bytes[at])) at += 1;
  return at;
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
  while (isSpace(bytes[at])) at += 1;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
}

/** A key spelt with escapes, such as `"\u006dodel"`, may be the one that is looked for. */
function hasEscapedKey(bytes: Buffer): boolean {
  return /\\u[0-9a-fA-F]{4}[^"]*"\s*:/.test(bytes.toString('latin1'));
}

function setByParsing(bytes: Buffer, name: string, value: unknown): Uint8Array {
  const parsed: unknown = JSON.parse(bytes.toString('utf8'));
  return Buffer.from(JSON.stringify({ ...Object(parsed), [name]: value }));
}
