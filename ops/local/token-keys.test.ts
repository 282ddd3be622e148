import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { readSigningKeys } from '../../backends/auth/src/tokens/signing-keys.ts';
import { generateTokenKeys, rotateTokenKeys, tokenKeysOf } from './token-keys.ts';

const kids = (text: string): string[] => readSigningKeys(text).map(({ kid }) => kid);

it('makes keys that auth accepts, one that signs and one that is known in advance', async () => {
  expect(new Set(kids(await generateTokenKeys())).size).toBe(2);
});

it('lets the key sign next that was published before, and keeps the one that signed until now', async () => {
  const before = await generateTokenKeys();
  const [signing, next] = kids(before);
  const after = kids(await rotateTokenKeys(before));
  expect(after).toHaveLength(3);
  expect([after[0], after[2]]).toEqual([next, signing]);
  const later = kids(await rotateTokenKeys(await rotateTokenKeys(before)));
  expect(later).not.toContain(signing);
  expect(later[2]).toBe(next);
});

it('refuses what is no set of private keys, without repeating it', async () => {
  await expect(rotateTokenKeys('{"keys":[{"kid":"hush"}]}')).rejects.toThrow(/^TOKEN_SIGNING_KEYS is no JWKS/);
});

it('keeps the keys of a directory, for its owner alone', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gaia-token-keys-'));
  const first = await tokenKeysOf(directory);
  expect(await tokenKeysOf(directory)).toBe(first);
  expect(z.object({ keys: z.array(z.unknown()) }).parse(JSON.parse(first)).keys).toHaveLength(2);
  expect((await stat(join(directory, 'token-signing-keys.json'))).mode & 0o777).toBe(0o600);
  await rm(directory, { recursive: true });
});
