import { errorTable, type AppError } from '#shared/http/error.ts';
import { isObject, type JsonObject } from '#shared/json.ts';
import { mask } from '#shared/log.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { reportedUsage, type ReportedUsage } from './reported-usage.ts';
import type { StreamDialect } from './stream-dialect.ts';

const chatCompletions: StreamDialect = {
  notable: notable('\\[DONE\\]'),
  terminalNeedles: needles('[DONE]'),
  isTerminal: (data) => data.trimEnd() === '[DONE]',
  errorOf: (event) => errorMessage(event['error']),
  textStart: /"(?:content|reasoning_content|arguments)"[ :]*"/g,
  usageOf: (event) => reportedUsage('chat-completions', event['usage']),
  isUsageOnly: ({ choices }) => Array.isArray(choices) && choices.length === 0,
  errorEvent: (error) => event({ error: openAiError(error) }),
};

/** Every event is small; the input's count comes with the first, the output's with the last but one. */
const messages: StreamDialect = {
  notable: notable('"message_stop"'),
  terminalNeedles: needles('"message_stop"'),
  isTerminal: (data) => typeOf(data) === 'message_stop',
  errorOf: (event) => (event['type'] === 'error' ? (errorMessage(event['error']) ?? noReason) : undefined),
  textStart: /"(?:text|thinking|partial_json)"[ :]*"/g,
  usageOf: messagesUsage,
  isUsageOnly: () => false,
  errorEvent: (error) =>
    `event: error\n${event({ type: 'error', error: { type: errorTable[error.code].anthropicType, message: error.message } })}`,
};

/** The first event's count of output is of an answer that has only begun. */
function messagesUsage(event: JsonObject): ReportedUsage | undefined {
  const { usage, message } = event;
  if (!isObject(message)) return reportedUsage('messages', usage);
  const { output: _begun, ...input } = reportedUsage('messages', message['usage']) ?? {};
  return input;
}

/** OpenAI's SDK takes an event for an error where its data has an `error`; the documented fields stand beside it. */
const responses: StreamDialect = {
  notable: notable('"response\\.(?:completed|incomplete)"'),
  terminalNeedles: needles('"response.completed"', '"response.incomplete"'),
  isTerminal: (data) => ['response.completed', 'response.incomplete'].includes(typeOf(data) ?? ''),
  errorOf: responsesError,
  textStart: /"delta"[ :]*"/g,
  usageOf: (event) => {
    const response = event['response'];
    return reportedUsage('responses', isObject(response) ? response['usage'] : undefined);
  },
  isUsageOnly: () => false,
  errorEvent: (error) =>
    `event: error\n${event({ type: 'error', code: error.code, message: error.message, param: null, error: openAiError(error) })}`,
};

/** Embeddings and counts are never streamed. */
export const streamDialects: Record<Protocol, StreamDialect> = {
  'chat-completions': chatCompletions,
  responses,
  messages,
  embeddings: chatCompletions,
  'count-tokens': messages,
};

const noReason = 'no reason given';

function responsesError(event: JsonObject): string | undefined {
  const { type, message, response } = event;
  if (type === 'error') return errorMessage(event['error']) ?? errorMessage(message) ?? noReason;
  if (type !== 'response.failed') return undefined;
  return (isObject(response) ? errorMessage(response['error']) : undefined) ?? noReason;
}

function errorMessage(error: unknown): string | undefined {
  if (typeof error === 'string') return shown(error);
  if (!isObject(error)) return undefined;
  return shown(typeof error['message'] === 'string' ? error['message'] : noReason);
}

/** A vendor's own words, without what looks like a secret. */
function shown(message: string): string {
  return mask(message).slice(0, 1_000);
}

function openAiError({ message, code }: AppError): object {
  return { message, type: errorTable[code].type, code };
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

function typeOf(data: string): string | undefined {
  const type = /"type"\s*:\s*"([\w.]+)"/.exec(data.slice(0, 200))?.[1];
  return type;
}

function notable(terminal: string): RegExp {
  return new RegExp(`"error"|"response\\.failed"|"usage"[ :]*\\{|${terminal}`);
}

function needles(...texts: string[]): Buffer[] {
  return texts.map((text) => Buffer.from(text));
}
