import { CallRing, type Series } from './call-ring.ts';
import { distributionOf, type Distribution } from './distribution.ts';
import { isAboutProvider, type MeasuredCall, type Stage } from './measured-call.ts';

export const windowMs = 15 * 60_000;

/** Models of which calls are kept; the one that was used the longest ago makes room. Names are what callers wrote. */
const maxModels = 128;

/** A choice between models may rest on older times than a report of how things are: few calls are better than none. */
const latencyWindowMs = 24 * 60 * 60_000;
const latencyCalls = 50;

export type MeasuredModel = { provider: string; model: string };

/** How the calls in a window went. Null wherever nothing was measured. */
export type Performance = {
  calls: number;
  completed: number;
  failed: number;
  cancelled: number;
  /** Failures among the calls that ended by themselves. */
  errorRate: number | null;
  firstByte: Distribution | null;
  total: Distribution | null;
  stages: Record<Stage, Distribution | null>;
};

/** How long a model's last answers took to begin, and how many they were. */
export type Latency = {
  /** Median. Where none was streamed, until they were there: that is when such an answer begins. */
  firstByteMs: number;
  calls: number;
  isStreamed: boolean;
};

/** How real calls went, in this process. Bounded in memory, and cheap enough for every call. */
export type PerformanceBook = {
  record: (call: MeasuredCall) => void;
  models: () => MeasuredModel[];
  /** Of all models that `includes` lets in, together, within the last `ms`. */
  measured: (includes?: (model: MeasuredModel) => boolean, ms?: number) => Performance;
  latency: (includes: (model: MeasuredModel) => boolean) => Latency | null;
  latencyOf: (provider: string, model: string) => Latency | null;
  reset: () => void;
};

type Entry = MeasuredModel & { ring: CallRing };

export function createPerformanceBook(now: () => number = Date.now): PerformanceBook {
  const entries = new Map<string, Map<string, Entry>>();
  let size = 0;
  const all = (): Entry[] => [...entries.values()].flatMap((models) => [...models.values()]);
  const add = (provider: string, model: string): Entry => {
    if (size === maxModels) drop(entries, all());
    else size += 1;
    const models = entries.get(provider) ?? new Map<string, Entry>();
    const entry = { provider, model, ring: new CallRing() };
    entries.set(provider, models.set(model, entry));
    return entry;
  };
  const latency = (found: readonly Entry[]): Latency | null => {
    const from = now() - latencyWindowMs;
    const lastOf = (name: Series): Distribution | null =>
      distributionOf(found.map(({ ring }) => ring.times(name, from, latencyCalls, 'completed')));
    const streamed = lastOf('first_byte');
    const spread = streamed ?? lastOf('total');
    return spread && { firstByteMs: spread.p50, calls: spread.count, isStreamed: streamed !== null };
  };
  return {
    record: (call) => {
      if (!isAboutProvider(call)) return;
      const { provider, model } = call;
      const entry = entries.get(provider)?.get(model) ?? add(provider, model);
      entry.ring.add(call, now());
    },
    models: () => all().map(({ provider, model }) => ({ provider, model })),
    measured: (includes = () => true, ms = windowMs) => performanceOf(all().filter(includes), now() - ms),
    latency: (includes) => latency(all().filter(includes)),
    latencyOf: (provider, model) => {
      const entry = entries.get(provider)?.get(model);
      return entry ? latency([entry]) : null;
    },
    reset: () => {
      entries.clear();
      size = 0;
    },
  };
}

function drop(entries: Map<string, Map<string, Entry>>, all: Entry[]): void {
  const oldest = all.reduce((a, b) => (b.ring.lastAt < a.ring.lastAt ? b : a));
  const models = entries.get(oldest.provider);
  models?.delete(oldest.model);
  if (models?.size === 0) entries.delete(oldest.provider);
}

function performanceOf(entries: readonly Entry[], from: number): Performance {
  const spread = (name: Series): Distribution | null =>
    distributionOf(entries.map(({ ring }) => ring.times(name, from)));
  const sum = { completed: 0, failed: 0, cancelled: 0 };
  for (const { ring } of entries) {
    const { completed, failed, cancelled } = ring.counts(from);
    sum.completed += completed;
    sum.failed += failed;
    sum.cancelled += cancelled;
  }
  const ended = sum.completed + sum.failed;
  return {
    ...sum,
    calls: ended + sum.cancelled,
    errorRate: ended === 0 ? null : Math.round((sum.failed / ended) * 10_000) / 10_000,
    firstByte: spread('first_byte'),
    total: spread('total'),
    stages: {
      admission: spread('admission'),
      persona: spread('persona'),
      conversation: spread('conversation'),
      provider_first_byte: spread('provider_first_byte'),
      provider_total: spread('provider_total'),
    },
  };
}
