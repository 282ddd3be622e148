import { randomHex } from '#shared/id.ts';
import type { HeaderLookup } from '../header-lookup.ts';

const wellFormed = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * Puts the trace on a request to a backend. A caller's own is passed on as it is, for we report no spans of our own;
 * a missing or malformed one is replaced, and its `tracestate` with it, which means nothing alone.
 */
export function setTrace(from: HeaderLookup, to: Record<string, string>): void {
  const offered = from.get('traceparent') ?? '';
  if (!wellFormed.test(offered)) {
    to['traceparent'] = newTraceparent();
    return;
  }
  to['traceparent'] = offered;
  const state = from.get('tracestate') ?? null;
  if (state !== null && state.length <= 512) to['tracestate'] = state;
}

/** Not sampled: whoever starts to record decides that, and we do not. */
function newTraceparent(): string {
  return `00-${randomHex(16)}-${randomHex(8)}-00`;
}
