import { argon2 } from 'node:crypto';

/** How much work a hash is. Memory in KiB. */
export type Argon2Cost = { memory: number; passes: number };

/** How a hash was made: two passwords under one recipe can be compared with one computation. */
export type Argon2Recipe = Argon2Cost & { salt: Buffer };

const tagLength = 32;
const textShape = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$([\w+/]+)\$([\w+/]+)$/;

/** On a thread of Node's pool, so that the event loop goes on meanwhile. */
export function argon2id(password: string, { memory, passes, salt }: Argon2Recipe): Promise<Buffer> {
  // One password can be typed as different code points; NFKC makes them the same bytes.
  const message = password.normalize('NFKC');
  return new Promise((resolve, reject) => {
    argon2('argon2id', { message, nonce: salt, parallelism: 1, tagLength, memory, passes }, (error, tag) => {
      if (error) reject(error);
      else resolve(tag);
    });
  });
}

/** The usual text form: `$argon2id$v=19$m=…,t=…,p=1$salt$tag`. */
export function hashText({ memory, passes, salt }: Argon2Recipe, tag: Buffer): string {
  return `$argon2id$v=19$m=${memory},t=${passes},p=1$${unpadded(salt)}$${unpadded(tag)}`;
}

/** Throws, without repeating it, for a text that is no such hash. */
export function readHashText(text: string): { recipe: Argon2Recipe; tag: Buffer } {
  const [, memory, passes, salt, tag] = textShape.exec(text) ?? [];
  if (salt === undefined || tag === undefined) throw new Error('a stored password hash has an unknown form');
  const recipe = { memory: Number(memory), passes: Number(passes), salt: Buffer.from(salt, 'base64') };
  return { recipe, tag: Buffer.from(tag, 'base64') };
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
