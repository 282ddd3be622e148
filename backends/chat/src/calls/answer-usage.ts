import { memberOf, parsedJson } from '#shared/json.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { reportedUsage, type ReportedUsage } from './reported-usage.ts';

const usageKey = Buffer.from('"usage"');
const [quote, backslash, openBrace, closeBrace] = [34, 92, 123, 125];

/**
 * What a whole answer says was used. Where an answer may be megabytes of numbers, and nothing in it but its strings
 * comes from a model or a caller, only that member is parsed.
 */
export function answerUsage(protocol: Protocol, answer: Uint8Array): ReportedUsage {
  if (protocol === 'count-tokens') return { input: 0, output: 0 };
  const bytes = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
  const quick = isPlain[protocol] ? reportedUsage(protocol, lastUsage(bytes)) : undefined;
  return quick ?? reportedUsage(protocol, memberOf(parsedJson(bytes.toString('utf8')), 'usage')) ?? {};
}

const isPlain: Record<Exclude<Protocol, 'count-tokens'>, boolean> = {
  'chat-completions': true,
  embeddings: true,
  messages: false,
  responses: false,
};

/** Quotes are escaped inside strings, so what is found is a name. */
function lastUsage(bytes: Buffer): unknown {
  const at = bytes.lastIndexOf(usageKey);
  return at === -1 ? undefined : objectFrom(bytes, bytes.indexOf(openBrace, at));
}

function objectFrom(bytes: Buffer, start: number): unknown {
  return start === -1 ? undefined : parsedJson(bytes.toString('utf8', start, endOfObject(bytes, start)));
}

function endOfObject(bytes: Buffer, start: number): number {
  let depth = 0;
  let isInString = false;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (isInString && byte === backslash) at += 1;
    else if (byte === quote) isInString = !isInString;
    else if (!isInString && byte === openBrace) depth += 1;
    else if (!isInString && byte === closeBrace) depth -= 1;
    if (depth === 0) return at + 1;
  }
  return bytes.length;
}
