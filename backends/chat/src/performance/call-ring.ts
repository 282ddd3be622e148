import { stages, type MeasuredCall, type Outcome } from './measured-call.ts';

const series = ['first_byte', 'total', ...stages] as const;
export type Series = (typeof series)[number];

const outcomes = ['completed', 'failed', 'cancelled'] as const satisfies readonly Outcome[];

/** Calls that are kept of one model: 10 KiB, whatever the traffic. */
export const ringSize = 256;

/** The last calls of a model, in arrays that are made once: to write a call allocates nothing. */
export class CallRing {
  readonly #at = new Float64Array(ringSize);
  readonly #outcomes = new Uint8Array(ringSize);
  readonly #times = new Float32Array(ringSize * series.length);
  #next = 0;
  #count = 0;
  /** When the last call was added. */
  lastAt = 0;

  add(call: MeasuredCall, at: number): void {
    const slot = this.#next;
    this.#next = (slot + 1) % ringSize;
    this.#count = Math.min(this.#count + 1, ringSize);
    this.lastAt = at;
    this.#at[slot] = at;
    this.#outcomes[slot] = outcomes.indexOf(call.outcome);
    this.#times[slot * series.length] = call.firstByteMs ?? Number.NaN;
    this.#times[slot * series.length + 1] = call.totalMs ?? Number.NaN;
    for (let index = 0; index < stages.length; index++) {
      const stage = stages[index];
      const time = stage && call.stages?.[stage];
      this.#times[slot * series.length + 2 + index] = time ?? Number.NaN;
    }
  }

  /** Times of the calls since `from`, newest first and at most `limit`, those of other outcomes left out. */
  times(name: Series, from: number, limit = ringSize, only?: Outcome): Float32Array {
    const found = new Float32Array(ringSize);
    const offset = series.indexOf(name);
    const calls = this.#calls(from);
    let count = 0;
    for (let age = 1; age <= calls && count < limit; age++) {
      const slot = this.#slotOf(age);
      const time = this.#times[slot * series.length + offset] ?? Number.NaN;
      if (Number.isNaN(time) || (only !== undefined && this.#outcomeOf(slot) !== only)) continue;
      found[count] = time;
      count += 1;
    }
    return found.subarray(0, count);
  }

  counts(from: number): Record<Outcome, number> {
    const counts = { completed: 0, failed: 0, cancelled: 0 };
    for (let age = this.#calls(from); age > 0; age--) counts[this.#outcomeOf(this.#slotOf(age))] += 1;
    return counts;
  }

  /** How many of the last calls there were since `from`. */
  #calls(from: number): number {
    let age = 0;
    while (age < this.#count && (this.#at[this.#slotOf(age + 1)] ?? 0) >= from) age += 1;
    return age;
  }

  #slotOf(age: number): number {
    return (this.#next - age + ringSize) % ringSize;
  }

  #outcomeOf(slot: number): Outcome {
    return outcomes[this.#outcomes[slot] ?? 0] ?? 'completed';
  }
}
