import { AppError } from './error.ts';

const maxDepth = 64;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses a JSON body and refuses what two parsers could read differently: other encodings, a BOM, duplicate keys,
 * `__proto__`, numbers that overflow, NUL, lone surrogates, and nesting beyond 64 levels. All are `malformed_json`.
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  const text = decode(bytes);
  scan(text);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw malformed('The body is not valid JSON', cause);
  }
}

function decode(bytes: Uint8Array): string {
  if (bytes.length === 0) throw malformed('The body is empty; JSON is expected');
  if (bytes[0] === 0xef && bytes[1] === 0xbb) throw malformed('The body starts with a byte order mark');
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw malformed('The body is not valid UTF-8', cause);
  }
}

/**
 * One pass over the tokens, before JSON.parse sees them. It does not check the grammar (JSON.parse does);
 * it only needs to be right about strings, depth, keys and numbers in text that is valid.
 */
function scan(text: string): void {
  const keysByLevel: (Set<string> | null)[] = [];
  let position = 0;
  while (position < text.length) {
    const char = text.charCodeAt(position);
    if (char === quote) {
      const end = endOfString(text, position);
      checkString(text.slice(position, end), followedByColon(text, end) ? keysByLevel.at(-1) : null);
      position = end;
      continue;
    }
    if (char === openBrace || char === openBracket) {
      if (keysByLevel.push(char === openBrace ? new Set() : null) > maxDepth) {
        throw malformed(`The body is nested more than ${maxDepth} levels deep`);
      }
    } else if (char === closeBrace || char === closeBracket) {
      keysByLevel.pop();
    } else if (isDigit(char)) {
      position = endOfNumber(text, position);
      continue;
    }
    position += 1;
  }
}

function checkString(token: string, keys: Set<string> | null | undefined): void {
  const escaped = token.includes('\\');
  if (!escaped && !keys) return;
  const value = escaped ? unescape(token) : token.slice(1, -1);
  if (escaped && !value.isWellFormed()) throw malformed('The body has a lone surrogate in a string');
  if (escaped && value.includes('\0')) throw malformed('The body has a NUL character in a string');
  if (!keys) return;
  if (value === '__proto__') throw malformed('The key __proto__ is not allowed');
  if (keys.has(value)) throw malformed(`The key ${JSON.stringify(value.slice(0, 64))} appears twice in one object`);
  keys.add(value);
}

function unescape(token: string): string {
  try {
    return String(JSON.parse(token));
  } catch (cause) {
    throw malformed('The body is not valid JSON', cause);
  }
}

/** The position after the closing quote, found by jumping from quote to quote: long strings cost no loop of ours. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && backslashesBefore(text, end) % 2 === 1) end = text.indexOf('"', end + 1);
  if (end === -1) throw malformed('The body is not valid JSON');
  return end + 1;
}

function backslashesBefore(text: string, position: number): number {
  let count = 0;
  while (text.charCodeAt(position - 1 - count) === backslash) count += 1;
  return count;
}

function followedByColon(text: string, position: number): boolean {
  let next = position;
  while (isWhitespace(text.charCodeAt(next))) next += 1;
  return text.charCodeAt(next) === colon;
}

function endOfNumber(text: string, start: number): number {
  let end = start;
  while (isNumberPart(text.charCodeAt(end))) end += 1;
  if (!Number.isFinite(Number(text.slice(start, end)))) throw malformed('The body has a number out of range');
  return end;
}

function malformed(detail: string, cause?: unknown): AppError {
  return new AppError('malformed_json', detail, { cause });
}

const quote = 34;
const backslash = 92;
const openBrace = 123;
const closeBrace = 125;
const openBracket = 91;
const closeBracket = 93;
const colon = 58;

function isDigit(char: number): boolean {
  return char >= 48 && char <= 57;
}

function isNumberPart(char: number): boolean {
  return isDigit(char) || char === 46 || char === 43 || char === 45 || char === 69 || char === 101;
}

function isWhitespace(char: number): boolean {
  return char === 32 || char === 10 || char === 13 || char === 9;
}
