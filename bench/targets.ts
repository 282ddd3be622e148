import type { LegName } from './legs.ts';
import type { LegResult, Round } from './measure.ts';
import { spreadOf, sum, type Spread } from './statistics.ts';

/** A figure that has a bound. Null: what it needs was not measured. */
export type Verdict = { what: string; target: string; found: Spread | null; unit: string; met: boolean | null };

type Rounds = (name: LegName) => Round[];
/** Without a bound: told, and not judged. */
type Target = { what: string; atMost?: number; unit: string; of: (at: RoundOf) => number | null };
type RoundOf = (name: LegName) => Round | undefined;

const targets: Target[] = [
  {
    what: 'unary: CPU of chat, with limits and metering',
    atMost: 200,
    unit: 'µs',
    of: (at) => at('chat')?.unaryCpu['chat'] ?? null,
  },
  {
    what: '… by a bare Node proxy',
    unit: '×',
    of: (at) => ratio(at('chat')?.unaryCpu['chat'], at('node')?.unaryCpu['node']),
  },
  { what: '… CPU of Postgres', unit: 'µs', of: (at) => at('chat')?.unaryCpu['postgres'] ?? null },
  {
    what: 'stream: CPU of chat, by a bare Node proxy',
    atMost: 1.25,
    unit: '×',
    of: (at) => ratio(at('chat')?.streamCpu['chat'], at('node')?.streamCpu['node']),
  },
  { what: '… CPU of Postgres', unit: 'µs', of: (at) => at('chat')?.streamCpu['postgres'] ?? null },
  {
    what: 'translated stream: CPU of chat, by one passed through',
    atMost: 3,
    unit: '×',
    of: (at) => ratio(at('translated')?.streamCpu['chat'], at('chat')?.streamCpu['chat']),
  },
  {
    what: 'unary: CPU of gateway, auth and chat, by Portkey',
    atMost: 0.7,
    unit: '×',
    of: (at) => ratio(total(at('gateway')?.unaryCpu), total(at('portkey')?.unaryCpu)),
  },
  {
    what: 'unary: CPU of the gateway, by a bare workerd proxy',
    atMost: 1.4,
    unit: '×',
    of: (at) => ratio(at('gateway')?.unaryCpu['gateway'], total(at('workerd')?.unaryCpu)),
  },
  {
    what: '… by one in front of our chat',
    unit: '×',
    of: (at) => ratio(at('gateway')?.unaryCpu['gateway'], total(at('workerd-chat')?.unaryCpu)),
  },
  {
    what: 'unary: p50 that gateway and chat add at one connection',
    atMost: 1,
    unit: 'ms',
    of: (at) => difference(at('gateway')?.aloneP50, at('direct')?.aloneP50),
  },
  {
    what: 'stream: CPU of the gateway, by a bare workerd proxy',
    atMost: 1.1,
    unit: '×',
    of: (at) => ratio(at('gateway')?.streamCpu['gateway'], total(at('workerd')?.streamCpu)),
  },
  {
    what: '… by one in front of our chat',
    unit: '×',
    of: (at) => ratio(at('gateway')?.streamCpu['gateway'], total(at('workerd-chat')?.streamCpu)),
  },
  {
    what: 'stream: CPU of gateway, auth and chat, by Portkey',
    atMost: 1.1,
    unit: '×',
    of: (at) => ratio(total(at('gateway')?.streamCpu), total(at('portkey')?.streamCpu)),
  },
  {
    what: 'stream: p50 added to the first token at one connection',
    atMost: 3,
    unit: 'ms',
    of: (at) => difference(at('gateway')?.firstTokenP50, at('direct')?.firstTokenP50),
  },
];

/** Compares what was measured with the bounds. Ratios are made within a round and only then taken together. */
export function judge(results: readonly LegResult[]): Verdict[] {
  const rounds: Rounds = (name) => results.find((result) => result.name === name)?.rounds ?? [];
  const count = results[0]?.rounds.length ?? 0;
  return targets.map(({ what, atMost, unit, of }) => {
    const values = Array.from({ length: count }, (_, round) => of((name) => rounds(name)[round]));
    const known = values.filter((value) => value !== null);
    const found = known.length === 0 ? null : spreadOf(known);
    if (atMost === undefined) return { what, target: '', found, unit, met: null };
    return { what, target: `≤ ${atMost}`, found, unit, met: found && found.median <= atMost };
  });
}

/** Postgres works for all backends and is no part of a way to the vendor; it is told apart. */
function total(cpu: Record<string, number | null> | undefined): number | null {
  const values = Object.entries(cpu ?? {}).flatMap(([process, value]) => (process === 'postgres' ? [] : [value]));
  const known = values.filter((value) => value !== null);
  return values.length === 0 || known.length < values.length ? null : sum(known);
}

function ratio(value: number | null | undefined, base: number | null | undefined): number | null {
  return typeof value === 'number' && typeof base === 'number' ? value / base : null;
}

function difference(value: number | undefined, base: number | undefined): number | null {
  return value === undefined || base === undefined ? null : value - base;
}
