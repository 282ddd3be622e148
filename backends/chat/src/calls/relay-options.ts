import type { Writable } from 'node:stream';
import type { AppError } from '#shared/http/error.ts';
import type { StreamReader } from './stream-reader.ts';

/** Where the events go. `open` sends status and headers, so that an error before it is an ordinary HTTP error. */
export type EventSink = {
  writable: Writable;
  open: () => void;
  /** What is written from now on is the end of a complete stream. */
  complete?: () => void;
  /** The stream did not become complete. */
  broken?: () => void;
};

export type RelayLimits = {
  idleMs: number;
  /** Silence after which a comment tells the client that the connection is alive; before the first byte it begins the answer. */
  keepAliveMs: number;
  /** Silence, in an answer that has begun, after which an empty comment finds out whether the client is still there. */
  heartbeatMs: number;
};

export type RelayOutcome =
  | { kind: 'completed'; firstByteMs: number }
  | { kind: 'broken'; error: AppError; firstByteMs: number | null }
  | { kind: 'cancelled'; firstByteMs: number | null };

export type RelayOptions = {
  sink: EventSink;
  limits: RelayLimits;
  reader: StreamReader;
  errorEvent: (error: AppError) => string;
  /**
   * What has to be done before the caller may believe that the stream is complete; the event that says so waits for
   * it. What it resolves with is sent before that event. When it rejects, the stream ends as a broken one.
   */
  beforeEnd?: () => Promise<string>;
  /** Called exactly once. */
  onFinished: (outcome: RelayOutcome) => void;
};
