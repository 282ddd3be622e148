/** What Postgres says when it does not start -> what to do about it. */
const advice: readonly (readonly [RegExp, (dataFolder: string, match: RegExpExecArray) => string])[] = [
  [
    /initialized by PostgreSQL version (\d+)\S*,? which is not compatible with this version (\d+)/,
    (folder, [, old, now]) =>
      `The data in ${folder} were written by Postgres ${old} and this is Postgres ${now}: move that folder away (or dump and restore it) and start again.`,
  ],
  [
    /has wrong ownership|Permission denied|could not (?:create|change permissions of|access) (?:lock file|directory)/,
    (folder) =>
      `${folder} belongs to another user or cannot be written: give it to this user, or delete it and start again.`,
  ],
  [/No space left on device/, (folder) => `The disk that holds ${folder} is full: free some space and start again.`],
  [
    /could not look up effective user ID (\d+)/,
    (_, [, id]) => `User ${id} has no name on this system, and Postgres insists on one: run this as a user that has.`,
  ],
  [
    /error while loading shared libraries: ([^\s:]+)/,
    (_, [, library]) => `Postgres misses the library ${library}: run npm ci again on this machine.`,
  ],
  [
    /could not locate a valid checkpoint record|invalid data in file|PANIC/,
    (folder) => `The data in ${folder} are damaged: restore a backup, or delete that folder and start again.`,
  ],
];

export const isPortTaken = (output: string): boolean => /could not create any TCP\/IP sockets/.test(output);

/** The memory of a server that was killed stays until its last child has noticed. */
export const isMemoryInUse = (output: string): boolean => /pre-existing shared memory block/.test(output);

/** One sentence on why Postgres did not start and what to do. */
export function explainFailure(output: string, dataFolder: string): string {
  for (const [pattern, sentence] of advice) {
    const match = pattern.exec(output);
    if (match) return sentence(dataFolder, match);
  }
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const told = lines.find((line) => /FATAL|error:/.test(line)) ?? lines.at(-1) ?? 'it said nothing';
  return `Postgres did not start on ${dataFolder}: ${told.trim()}`;
}
