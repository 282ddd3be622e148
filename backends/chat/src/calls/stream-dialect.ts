import type { AppError } from '#shared/http/error.ts';
import type { JsonObject } from '#shared/json.ts';
import type { ReportedUsage } from './reported-usage.ts';

/**
 * What the relay has to know of a protocol's event stream to tell how it ended and what it cost, without parsing what
 * passes. A needle with its quotes cannot be in text that a model wrote: inside a JSON string quotes are escaped.
 */
export type StreamDialect = {
  /** Matches every block that holds more than text: an error, usage, an event that may be the last. */
  notable: RegExp;
  /** What only events have that may be the last. */
  terminalNeedles: readonly Buffer[];
  /** Whether a data line with such a needle is the end of a complete stream. */
  isTerminal: (data: string) => boolean;
  /** The error that an event with an `"error"` or of an error's type says; undefined where it is no error. */
  errorOf: (event: JsonObject) => string | undefined;
  /** Matches, again and again, what stands before the strings that a model wrote: they are counted where a vendor does not say. */
  textStart: RegExp;
  usageOf: (event: JsonObject) => ReportedUsage | undefined;
  /** Whether an event is there for its usage only, and is dropped where the caller did not ask for it. */
  isUsageOnly: (event: JsonObject) => boolean;
  /** One whole event that says why the stream ends here. */
  errorEvent: (error: AppError) => string;
};
