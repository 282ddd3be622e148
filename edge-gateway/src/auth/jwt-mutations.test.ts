import { base64url } from 'jose';
import { describe, expect, it } from 'vitest';
import { createSigner, createTestVerifier, signWithSecret, type TestVerifier } from './test-tokens.ts';

const ecdsa = await createSigner('ES256', 'own-1');
const edwards = await createSigner('EdDSA', 'own-2');

type Case = { name: string; sign: (verifier: TestVerifier) => Promise<string> };
const cases: Case[] = [
  { name: 'ES256', sign: ({ ownClaims }) => ecdsa.sign(ownClaims()) },
  { name: 'EdDSA', sign: ({ ownClaims }) => edwards.sign(ownClaims()) },
  { name: 'HS256', sign: ({ supabaseClaims }) => signWithSecret(supabaseClaims()) },
];

describe.each(cases)('a token signed with $name', ({ sign }) => {
  it('is refused for every single bit flipped in its header, payload or signature', async () => {
    const { token, verifier } = await knownToken(sign);
    const parts = token.split('.').map((part) => base64url.decode(part));
    const bits = parts.reduce((sum, part) => sum + part.length * 8, 0);
    expect(bits).toBeGreaterThan(1_500);
    expect(await accepted(verifier, flippedBits(parts))).toEqual([]);
    expect(await verifier.verify(token)).not.toBeNull();
  });

  it('is refused for every single bit flipped in its text', async () => {
    const { token, verifier } = await knownToken(sign);
    expect(await accepted(verifier, flippedCharacters(token))).toEqual([]);
  });

  it('is refused however it is truncated, at its end or its start', async () => {
    const { token, verifier } = await knownToken(sign);
    const lengths = Array.from({ length: token.length }, (_, length) => length);
    const truncated = lengths.flatMap((n) => [token.slice(0, n), token.slice(n + 1)]);
    expect(await accepted(verifier, truncated)).toEqual([]);
  });

  it('is refused in every other spelling of the same bytes', async () => {
    const { token, verifier } = await knownToken(sign);
    const [header = '', payload = '', signature = ''] = token.split('.');
    const spellings = [
      ...['=', '==', ' ', '\n', '\t', '\0', '.', '.x', ',', '\u00a0'].flatMap((extra) => [
        token + extra,
        extra + token,
      ]),
      `${header}=.${payload}.${signature}`,
      `${header}.${payload}==.${signature}`,
      `${header}. ${payload}.${signature}`,
      `${header}.${payload.slice(0, 20)}\n${payload.slice(20)}.${signature}`,
      `${header}.${payload}.${signature}.${signature}`,
      `${header}.${payload}`,
      `.${payload}.${signature}`,
      `${header}..${signature}`,
      `${header}.${payload}.`,
      `Bearer ${token}`,
      ...[header, payload, signature].flatMap((part, index) =>
        looseEnds(part).map((other) => [header, payload, signature].with(index, other).join('.')),
      ),
      ...[/-/g, /_/g]
        .map((char) => token.replace(char, char.source === '-' ? '+' : '/'))
        .filter((text) => text !== token),
    ];
    expect(await accepted(verifier, spellings)).toEqual([]);
  });
});

it('knows that the signatures here have bits to spare, so that other spellings of them exist', async () => {
  const { token } = await knownToken(({ ownClaims }) => ecdsa.sign(ownClaims()));
  const signature = token.split('.')[2] ?? '';
  const others = looseEnds(signature);
  expect(others).toHaveLength(15);
  for (const other of others) expect(base64url.decode(other)).toEqual(base64url.decode(signature));
});

/** A verifier that has already found this token good, and remembers it. */
async function knownToken(sign: Case['sign']): Promise<{ token: string; verifier: TestVerifier }> {
  const verifier = createTestVerifier([ecdsa, edwards]);
  const token = await sign(verifier);
  expect(await verifier.verify(token)).not.toBeNull();
  return { token, verifier };
}

async function accepted({ verify }: TestVerifier, tokens: Iterable<string>): Promise<string[]> {
  const good: string[] = [];
  for (const token of tokens) {
    if ((await verify(token)) !== null) good.push(token);
  }
  return good;
}

function* flippedBits(parts: readonly Uint8Array[]): Generator<string> {
  for (const [index, part] of parts.entries()) {
    for (let bit = 0; bit < part.length * 8; bit++) {
      const flipped = part.map((byte, position) => (position === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      yield parts
        .with(index, flipped)
        .map((bytes) => base64url.encode(bytes))
        .join('.');
    }
  }
}

function* flippedCharacters(token: string): Generator<string> {
  for (let position = 0; position < token.length; position++) {
    for (let bit = 0; bit < 8; bit++) {
      const char = String.fromCharCode(token.charCodeAt(position) ^ (1 << bit));
      yield token.slice(0, position) + char + token.slice(position + 1);
    }
  }
}

/** The same bytes with other bits where the last character has some to spare. */
function looseEnds(part: string): string[] {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const spare = { 2: 16, 3: 4 }[part.length % 4] ?? 1;
  const last = alphabet.indexOf(part.at(-1) ?? '');
  const start = last - (last % spare);
  return Array.from({ length: spare }, (_, offset) => part.slice(0, -1) + alphabet.charAt(start + offset)).filter(
    (other) => other !== part,
  );
}
