import { describe, expect, it } from 'vitest';
import { imageTypeOf } from './image-type.ts';

const bytes = (latin1: string): Uint8Array => Buffer.from(latin1, 'latin1');

describe('the type of an image', () => {
  it.each([
    ['image/png', '\x89PNG\r\n\x1a\n\0\0'],
    ['image/jpeg', '\xff\xd8\xff\xe0'],
    ['image/gif', 'GIF89a..'],
    ['image/gif', 'GIF87a..'],
    ['image/webp', 'RIFF\x10\0\0\0WEBPVP8 '],
    ['image/webp', 'RIFF\x10\0\0\0WEBPVP8X'],
  ])('is %s by its first bytes', (type, start) => {
    expect(imageTypeOf(bytes(start))).toBe(type);
    expect(imageTypeOf(bytes(`x${start}`).subarray(1))).toBe(type);
    expect(imageTypeOf(bytes(` ${start}`))).toBeNull();
  });

  it.each(['', '\x89PNG', '\xff\xd8', 'GIF88a', 'RIFF\x10\0\0\0WAVEfmt ', 'RIFF', '<svg/>', '%PDF-1.7', 'BM', 'II*\0'])(
    'is none for %j',
    (start) => {
      expect(imageTypeOf(bytes(start))).toBeNull();
    },
  );
});
