/** Texts that must not turn up, and the places where they might. */
export type Canary = {
  /** `isStored`: a form of a secret that the database may hold, such as a hash. */
  guard: (name: string, text: string, options?: { isStored: boolean }) => void;
  /** Remembers what was seen in a place. */
  look: (place: string, text: string) => void;
  /** Which secrets turned up in a place, and around what; never the secrets themselves. */
  foundIn: (place: RegExp) => string[];
  /** How many texts were seen in a place. */
  seenIn: (place: RegExp) => number;
};

type Guarded = { name: string; text: string; isStored: boolean };

export function createCanary(): Canary {
  const guarded: Guarded[] = [];
  const seen: { place: string; text: string }[] = [];
  const at = (place: RegExp): typeof seen => seen.filter((one) => place.test(one.place));
  return {
    guard: (name, text, { isStored } = { isStored: false }) => {
      if (text.length < 8) throw new Error(`${name} is too short to be told from chance`);
      guarded.push({ name, text, isStored });
    },
    look: (place, text) => void seen.push({ place, text }),
    seenIn: (place) => at(place).length,
    foundIn: (place) =>
      at(place).flatMap(({ place: where, text }) =>
        guarded
          .filter((one) => text.includes(one.text) && !(one.isStored && where.startsWith('table')))
          .map(({ name }) => `${name} in ${where}: ${without(text, guarded).slice(0, 300)}`),
      ),
  };
}

function without(text: string, guarded: readonly Guarded[]): string {
  return guarded.reduce((rest, { name, text: secret }) => rest.replaceAll(secret, `<${name}>`), text);
}
