import { AppError } from '../http/error.ts';
import { isPublicAddress } from './public-address.ts';
import { readWhole, requestOnce, TooLarge, type Answer, type FetchLimits } from './request-once.ts';
import { resolveHost, type ResolveHost } from './resolve-host.ts';
import { redirectOf, Refusal, targetOf, type Target, type TargetRules } from './target.ts';

export type FetchOptions = {
  /** Where in the request the URL stands; errors name it. */
  field: string;
  maxBytes: number;
  /** Media types, in lower case and without parameters. */
  contentTypes: readonly string[];
  signal: AbortSignal;
};

export type Fetched = { bytes: Buffer; contentType: string; finalUrl: string };

/** Rejects with `validation_failed` naming the field, or with the reason of the signal. */
export type GuardedFetch = (url: string, options: FetchOptions) => Promise<Fetched>;

export type GuardedFetchOptions = TargetRules & {
  limits?: FetchLimits;
  /** How many fetches may run at once in this process; more are told to come again. */
  maxAtOnce?: number;
  resolve?: ResolveHost;
  /** Addresses that tests fetch from although nobody else may. Never from configuration. */
  allowAddresses?: readonly string[];
};

const standardLimits: FetchLimits = { connectMs: 3_000, firstByteMs: 5_000, totalMs: 15_000 };
const maxRedirects = 3;
const maxAddresses = 8;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Fetches URLs that users name, from public hosts only. Every hop is checked from its text to the address that is
 * connected to. Whatever is refused or cannot be reached gets the same answer, and nothing that is refused is ever
 * connected to, so neither the words nor the time say what is on our side of the network.
 */
export function createGuardedFetch(settings: GuardedFetchOptions): GuardedFetch {
  const { limits = standardLimits, maxAtOnce = 64 } = settings;
  let running = 0;
  return async (text, options) => {
    if (running >= maxAtOnce) throw new AppError('unavailable', 'Too many URLs are being fetched; please try again');
    running += 1;
    const deadline = AbortSignal.any([options.signal, AbortSignal.timeout(limits.totalMs)]);
    try {
      const first = targetOf(text, settings);
      return await follow(first, { ...settings, limits }, { ...options, signal: deadline });
    } catch (cause) {
      throw options.signal.aborted ? ended(options.signal) : failed(cause, options.field);
    } finally {
      running -= 1;
    }
  };
}

type Settings = GuardedFetchOptions & { limits: FetchLimits };

async function follow(first: Target, settings: Settings, options: FetchOptions): Promise<Fetched> {
  let target = first;
  for (let hop = 0; hop <= maxRedirects; hop += 1) {
    const outcome = await visit(target, settings, options);
    if (!('location' in outcome)) return outcome;
    target = redirectOf(target.url, outcome.location, settings);
  }
  throw new Refusal('too many redirects');
}

async function visit(
  target: Target,
  settings: Settings,
  options: FetchOptions,
): Promise<Fetched | { location: string }> {
  const { signal, contentTypes } = options;
  const addresses = await checkedAddresses(target, settings, signal);
  signal.throwIfAborted();
  const request = { addresses, limits: settings.limits, accept: contentTypes.join(', '), signal };
  return await requestOnce(target, request, async (answer) => {
    const { location } = answer.headers;
    if (redirects.has(answer.statusCode) && typeof location === 'string') return { location };
    const contentType = checkedType(answer, options);
    return { bytes: await readWhole(answer, options.maxBytes), contentType, finalUrl: target.url.href };
  });
}

/** All addresses or none: a name that also has a private one is not a public host. */
async function checkedAddresses(
  { host, isAddress }: Target,
  { resolve = resolveHost, allowAddresses = [] }: Settings,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const addresses = isAddress ? [host] : await resolve(host, signal);
  const isAllowed = (address: string): boolean => isPublicAddress(address) || allowAddresses.includes(address);
  if (addresses.length === 0) throw new Refusal('the name has no address');
  if (!addresses.every(isAllowed)) throw new Refusal('an address that is not public');
  return addresses.slice(0, maxAddresses);
}

function checkedType({ statusCode, headers }: Answer, { contentTypes, field }: FetchOptions): string {
  if (statusCode !== 200) throw invalid(field, `the URL answered with status ${statusCode}`);
  const contentType = String(headers['content-type'] ?? '')
    .replace(/;.*$/s, '')
    .trim()
    .toLowerCase();
  if (!contentTypes.includes(contentType)) throw invalid(field, `the URL gave none of ${contentTypes.join(', ')}`);
  return contentType;
}

function failed(cause: unknown, field: string): AppError {
  if (cause instanceof AppError) return cause;
  if (cause instanceof TooLarge) return invalid(field, 'what the URL gave is too large');
  return invalid(field, 'the URL could not be fetched: it must be of a public web server that answers', cause);
}

function ended({ reason }: AbortSignal): AppError {
  if (reason instanceof AppError) return reason;
  return new AppError('request_timeout', 'The request ended while a URL was being fetched', { cause: reason });
}

function invalid(field: string, message: string, cause?: unknown): AppError {
  return new AppError('validation_failed', `${field}: ${message}`, { errors: [{ path: field, message }], cause });
}
