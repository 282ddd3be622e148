const wellFormed = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const bytes = new Uint8Array(24);
const hexByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * Puts the trace on a request to a backend. A caller's own is passed on as it is, for we report no spans of our own;
 * a missing or malformed one is replaced, and its `tracestate` with it, which means nothing alone.
 */
export function setTrace(from: Headers, to: Headers): void {
  const offered = from.get('traceparent');
  if (offered === null || !wellFormed.test(offered)) {
    to.set('traceparent', newTraceparent());
    return;
  }
  to.set('traceparent', offered);
  const state = from.get('tracestate');
  if (state !== null && state.length <= 512) to.set('tracestate', state);
}

/** Not sampled: whoever starts to record decides that, and we do not. */
function newTraceparent(): string {
  crypto.getRandomValues(bytes);
  let hex = '';
  for (const byte of bytes) hex += hexByte[byte];
  return `00-${hex.slice(0, 32)}-${hex.slice(32)}-00`;
}
