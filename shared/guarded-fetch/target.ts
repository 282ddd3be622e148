import { isIP, isIPv4 } from 'node:net';

/** Where a request would go: a URL whose text alone gives no reason to refuse it. */
export type Target = {
  url: URL;
  /** A name in lower case without its last dot, or an address without brackets. */
  host: string;
  isAddress: boolean;
};

export type TargetRules = { isPlainHttpAllowed: boolean; ports: readonly number[] };

/** Says for our own eyes why a URL is refused; the caller gets one answer for all reasons. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

const maxUrlLength = 8_192;
/** Names that are private by definition or by habit, with all below them. */
const privateNames =
  /(?:^|\.)(?:localhost|local|localdomain|internal|intranet|private|corp|home|lan|flycast|onion|alt|arpa)$/;

/** Reads a URL that a user gave. Throws a Refusal for anything but a plainly spelled public-looking http(s) URL. */
export function targetOf(text: string, rules: TargetRules): Target {
  if (text.length > maxUrlLength) throw new Refusal('the URL is too long');
  // Parsers drop tabs and line ends, others do not: nobody needs them.
  if (/[\0-\x20\x7f\\]/.test(text)) throw new Refusal('the URL has spaces, backslashes or control characters');
  if (!URL.canParse(text)) throw new Refusal('not a URL');
  const url = new URL(text);
  checkScheme(url, rules);
  const isAddress = url.hostname.startsWith('[') || isIPv4(url.hostname);
  if (isIPv4(url.hostname) && writtenHost(text) !== url.hostname) throw new Refusal('an address in a disguise');
  return { url, isAddress, host: isAddress ? bare(url.hostname) : publicName(url.hostname) };
}

/** The next hop of a redirect, under the same rules and never from https down to http. */
export function redirectOf(from: URL, location: string, rules: TargetRules): Target {
  if (!URL.canParse(location, from.href)) throw new Refusal('redirected to what is not a URL');
  const next = new URL(location, from);
  if (from.protocol === 'https:' && next.protocol !== 'https:') throw new Refusal('redirected from https to http');
  return targetOf(next.href, rules);
}

function checkScheme(url: URL, { isPlainHttpAllowed, ports }: TargetRules): void {
  if (url.protocol !== 'https:' && !(isPlainHttpAllowed && url.protocol === 'http:')) {
    throw new Refusal('not a scheme that is fetched here');
  }
  if (url.username !== '' || url.password !== '') throw new Refusal('credentials in the URL');
  const port = url.port === '' ? defaultPort(url) : Number(url.port);
  if (!ports.includes(port)) throw new Refusal('not a port that is fetched from');
}

function defaultPort({ protocol }: URL): number {
  return protocol === 'https:' ? 443 : 80;
}

function writtenHost(text: string): string | undefined {
  return /^[a-z]+:\/\/([^/?#]*?)(?::\d*)?(?:[/?#]|$)/i.exec(text)?.[1];
}

function bare(hostname: string): string {
  const address = hostname.replace(/^\[|\]$/g, '');
  if (isIP(address) === 0) throw new Refusal('not an address');
  return address;
}

function publicName(hostname: string): string {
  const name = hostname.replace(/\.$/, '');
  const labels = name.split('.');
  if (labels.length < 2 || labels.includes('')) throw new Refusal('not a full name');
  if (privateNames.test(name)) throw new Refusal('a private name');
  return name;
}
