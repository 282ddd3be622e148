/** What the edge takes at most. */
export const maxTokenLength = 8_192;

/** Base64url as an encoder writes it: no padding, and the bits that fill up the last character are zero. */
const canonicalPart = /^(?:[\w-]{4})*(?:[\w-]{4}|[\w-]{2}[AEIMQUYcgkosw048]|[\w-][AQgw])$/;

/** Whether a token is spelled in the one way it could have been written, so that no two texts are the same token. */
export function isCanonicalToken(token: string): boolean {
  if (token.length > maxTokenLength) return false;
  const parts = token.split('.');
  return parts.length === 3 && parts.every((part) => canonicalPart.test(part));
}
