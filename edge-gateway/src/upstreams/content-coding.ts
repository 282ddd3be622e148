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

function accepts(acceptEncoding: string, coding: string): boolean {
  return acceptEncoding.split(',').some((offer) => {
    const [name = '', ...parameters] = offer.split(';').map((part) => part.trim().toLowerCase());
    return (name === coding || name === '*') && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}
