import type { AnswerHeaders } from '../edge.ts';
import type { HeaderLookup } from '../header-lookup.ts';

/**
 * Makes an encoded body one that the client can read. workerd passes bytes on as they are while the header says how
 * they are encoded, and decodes them natively when the header is gone; it knows these two codings.
 */
export function fitContentCoding(asked: HeaderLookup, answer: AnswerHeaders): void {
  const coding = answer['content-encoding'];
  if (coding !== 'gzip' && coding !== 'br') return;
  if (accepts(asked.get('accept-encoding') ?? '', coding)) return;
  delete answer['content-encoding'];
  delete answer['content-length'];
}

/** What is said of the coding by its name decides; `*` is for those that are not named (RFC 9110, 12.5.3). */
function accepts(acceptEncoding: string, coding: string): boolean {
  const offers = acceptEncoding.split(',').map((offer) => offer.split(';').map((part) => part.trim().toLowerCase()));
  const offer = offers.find(([name]) => name === coding) ?? offers.find(([name]) => name === '*');
  return offer !== undefined && !offer.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
}
