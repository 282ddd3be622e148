import * as z from 'zod';

/** What the inspector's profiler answers: the tree of calls, and which node each sample hit. */
export const CpuProfileSchema = z.looseObject({
  nodes: z.array(
    z.looseObject({
      id: z.number(),
      callFrame: z.looseObject({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

export type CpuProfile = z.infer<typeof CpuProfileSchema>;
export type SelfTimes = { functions: { name: string; self: number }[]; busy: number };

/** Microseconds each function itself was running, the most expensive first; waiting for work is not counted. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): SelfTimes {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const byName = new Map<string, number>();
  samples.forEach((node, index) => {
    const name = names.get(node) ?? '(unknown)';
    // A delta says how long after the one before a sample was taken, so what follows it is the sample's own time.
    byName.set(name, (byName.get(name) ?? 0) + (timeDeltas[index + 1] ?? 0));
  });
  byName.delete('(idle)');
  byName.delete('(root)');
  const functions = Array.from(byName, ([name, self]) => ({ name, self })).sort((a, b) => b.self - a.self);
  return { functions, busy: functions.reduce((sum, { self }) => sum + self, 0) };
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName || '(anonymous)';
  return lineNumber < 0 ? name : `${name}  ${url.split('/').at(-1)}:${lineNumber + 1}`;
}
