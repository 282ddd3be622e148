/** What one request to a fake vendor gets. All members may be combined; the default is a short, whole answer. */
export type VendorScript = {
  /** Anything but 200 answers with the vendor's own error shape, unless `body` says otherwise. */
  status?: number;
  headers?: Record<string, string>;
  /** Sent as JSON, or as it is when it is a string: for answers that no vendor should give. */
  body?: unknown;

  /** The answer's text, one member per delta. */
  text?: readonly string[];
  toolCalls?: readonly { id: string; name: string; arguments: Record<string, unknown> }[];
  finish?: 'stop' | 'length' | 'content_filter';
  usage?: { input: number; output: number; cached?: number } | 'none';
  /** The choices (or content) are there, and empty. */
  empty?: true;

  /** Nothing is sent before this resolves. */
  before?: Promise<unknown>;
  /** Accepts the request and never answers. */
  hang?: true;
  /** Called before each event of a stream; the event waits for what it gives. */
  beforeEvent?: (index: number) => Promise<unknown> | undefined;
  wire?: WireStyle;
  /** Compresses the answer, asked to or not. Events are flushed one by one. */
  encoding?: 'gzip';
  /** Where a stream stops being what it should be: after this many events. */
  breakAfter?: { events: number; with: StreamBreak };
};

/**
 * `cut`: the socket is destroyed. `end`: a clean end without the vendor's terminal event. `error`: the vendor's error
 * event. `garbage`: an event that is not JSON, then a clean end. `hang`: silence with an open socket.
 */
export type StreamBreak = 'cut' | 'end' | 'error' | 'garbage' | 'hang';

/** Other spellings of the same event stream that a correct parser must read alike. */
export type WireStyle = {
  lineEnd?: '\n' | '\r\n' | '\r';
  /** A comment line before each event, as keep-alives are. */
  comments?: true;
  /** `byte`: each byte in a chunk of its own, also inside a UTF-8 sequence. `whole`: all events in one chunk. */
  chunks?: 'event' | 'byte' | 'whole';
};

/** Something to wait for that a test opens by hand, so that it need not guess how long anything takes. */
export type Gate = { opened: Promise<void>; open: () => void };

export function createGate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** Asking for this model is asking for the vendor's 404. */
export const unknownModel = 'no-such-model';

const defaultText: readonly string[] = ['Hello', ', ', 'world', '!'];
const defaultUsage = { input: 9, output: 4, cached: 0 };

/** What the script says was used; the default where it says nothing or `none` but a shape demands numbers. */
export function usageOf({ usage }: VendorScript): { input: number; output: number; cached: number } {
  return typeof usage === 'object' ? { ...defaultUsage, ...usage } : defaultUsage;
}

/** A script that only calls tools has no text of its own. */
export function textOf({ text, toolCalls, empty }: VendorScript): readonly string[] {
  if (empty) return [];
  return text ?? (toolCalls ? [] : defaultText);
}

/** Two pieces of a text that mean nothing alone, as arguments of a tool arrive. */
export function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)].filter((half) => half !== '');
}
