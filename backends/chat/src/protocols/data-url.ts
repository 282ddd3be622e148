export type Base64Data = { mediaType: string; base64: string };

const prefix = /^data:([\w.+-]+\/[\w.+-]+)(?:;[\w.+-]+=[\w.+-]+)*;base64,/i;

/** What a `data:` URL in base64 holds; undefined for any other. The data itself is the vendor's to check. */
export function base64DataOf(url: string): Base64Data | undefined {
  const [match, mediaType] = prefix.exec(url) ?? [];
  if (match === undefined || mediaType === undefined) return undefined;
  return { mediaType: mediaType.toLowerCase(), base64: url.slice(match.length) };
}

export function dataUrl({ mediaType, base64 }: Base64Data): string {
  return `data:${mediaType};base64,${base64}`;
}

export function isWebUrl(url: string): boolean {
  return /^https?:\/\//i.test(url) && URL.canParse(url);
}
