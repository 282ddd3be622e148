import { randomBytes, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { argon2id, hashText, readHashText, type Argon2Cost, type Argon2Recipe } from './argon2.ts';
import { createSlots, type Slots } from './slots.ts';

export type PasswordHasher = {
  newSalt: () => Buffer;
  hash: (password: string, salt: Buffer) => Promise<string>;
  /**
   * Which of these hashes is the first that the password fits; -1 for none. Costs at least one computation, also where
   * there is no hash at all, and exactly one when all share their salt.
   */
  firstMatch: (password: string, hashes: readonly string[]) => Promise<number>;
  /** The same password under today's cost, or null where the hash has that already. */
  renewed: (password: string, hash: string) => Promise<string | null>;
};

/** About 50 ms of one processor of 2026, and above the least that OWASP asks for (19 MiB, 2 passes). */
export const passwordCost: Argon2Cost = { memory: 32_768, passes: 3 };

/**
 * One processor stays free for everything else, and one of the four threads of Node's pool for files and names. At 100
 * waiting, the last in line is served within the gateway's deadline.
 */
export const passwordSlots = {
  parallel: Math.max(1, Math.min(availableParallelism() - 1, 3)),
  waiting: 100,
};

export type PasswordHasherOptions = { cost?: Argon2Cost; slots?: Slots };

/** Argon2id, bounded in parallel. */
export function createPasswordHasher(options: PasswordHasherOptions = {}): PasswordHasher {
  const { cost = passwordCost, slots = createSlots(passwordSlots) } = options;
  const nobodys: Argon2Recipe = { ...cost, salt: newSalt() };

  async function hash(password: string, salt: Buffer): Promise<string> {
    const recipe = { ...cost, salt };
    return hashText(recipe, await slots(() => argon2id(password, recipe)));
  }

  return {
    newSalt,
    hash,
    firstMatch: async (password, hashes) => {
      const stored = hashes.map(readHashText);
      const recipes = distinct(stored.length === 0 ? [nobodys] : stored.map(({ recipe }) => recipe));
      const tags = await slots(() => tagsOf(password, recipes));
      const fits = stored.map(({ recipe, tag }) => isSame(tags.get(nameOf(recipe)), tag));
      return fits.indexOf(true);
    },
    renewed: async (password, old) => {
      const { recipe } = readHashText(old);
      const isCurrent = recipe.memory === cost.memory && recipe.passes === cost.passes;
      return isCurrent ? null : await hash(password, recipe.salt);
    },
  };
}

function newSalt(): Buffer {
  return randomBytes(16);
}

/** One after the other, so that a slot never uses more than one thread. */
async function tagsOf(password: string, recipes: readonly Argon2Recipe[]): Promise<Map<string, Buffer>> {
  const tags = new Map<string, Buffer>();
  for (const recipe of recipes) tags.set(nameOf(recipe), await argon2id(password, recipe));
  return tags;
}

function distinct(recipes: readonly Argon2Recipe[]): Argon2Recipe[] {
  return [...new Map(recipes.map((recipe) => [nameOf(recipe), recipe])).values()];
}

function nameOf({ memory, passes, salt }: Argon2Recipe): string {
  return `${memory} ${passes} ${salt.toString('base64')}`;
}

function isSame(a: Buffer | undefined, b: Buffer): boolean {
  return a !== undefined && a.length === b.length && timingSafeEqual(a, b);
}
