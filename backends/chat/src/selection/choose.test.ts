import { describe, expect, it } from 'vitest';
import { contextTypes, priorities } from '#shared/contracts/model-wishes.ts';
import { unknownCard, type ModelCard } from '../completion/model-card.ts';
import type { Candidate } from './candidates.ts';
import { chooseModel } from './choose.ts';
import { rankModels } from './rank.ts';
import { usualWishes, type Wishes } from './wishes.ts';

const today = '2026-11-21';

type Known = Partial<ModelCard> & { ms?: number; calls?: number; dollars?: number };

function candidate(name: string, { ms, calls = 50, dollars, ...card }: Known = {}): Candidate {
  const price = dollars === undefined ? null : { input: dollars * 1e6, cachedInput: 0, output: dollars * 4e6 };
  return {
    name,
    provider: 'p',
    card: { ...unknownCard(name), price, ...card },
    latency: ms === undefined ? null : { firstByteMs: ms, calls, isStreamed: true },
  };
}

const wise = candidate('wise', { quality: 0.9, ms: 1_500, dollars: 10 });
const quick = candidate('quick', { quality: 0.5, ms: 200, dollars: 1 });
const cheap = candidate('cheap', { quality: 0.4, ms: 900, dollars: 0.1 });
const models = [wise, quick, cheap];

function choice(wishes: Partial<Wishes> = {}, from: readonly Candidate[] = models) {
  return chooseModel(from, { ...usualWishes, ...wishes }, today);
}

describe('the choice of a model', () => {
  it.each([
    ['speed', 'quick'],
    ['vr', 'quick'],
    ['quality', 'wise'],
    ['cost', 'cheap'],
    ['balanced', 'quick'],
  ] as const)('with priority %s is %s', (priority, expected) => {
    expect(choice({ priority })?.chosen.name).toBe(expected);
  });

  it('scores 0.4 for quality, 0.3 for speed and 0.5 for the priority at most', () => {
    const score = (priority: Wishes['priority']) => rankModels([wise], { ...usualWishes, priority })[0]?.score;
    expect(score('quality')).toBeCloseTo(0.4 * 0.9 + 0.3 * 0.25 + 0.5 * 0.9, 4);
    expect(score('speed')).toBeCloseTo(0.4 * 0.9 + 0.3 * 0.25 + 0.5 * 0.25, 4);
    expect(score('balanced')).toBeCloseTo(0.4 * 0.9 + 0.3 * 0.25 + 0.25 * 0.9 + 0.25 * 0.25, 4);
    expect(score('vr')).toBeCloseTo(0.4 * 0.9 + 0.3 * 0.25, 4);
    expect(score('cost')).toBeCloseTo(0.4 * 0.9 + 0.3 * 0.25 + 0.5, 4);
    const perfect = candidate('perfect', { quality: 1, ms: 0, dollars: 0 });
    for (const priority of priorities) {
      expect(rankModels([perfect], { ...usualWishes, priority })[0]?.score).toBe(1.2);
    }
  });

  it('is the same however often it is made, and in whatever order models come', () => {
    const names = (from: readonly Candidate[]) => {
      const made = choice({}, from);
      return [made?.chosen.name, ...(made?.others.map(({ name }) => name) ?? [])];
    };
    expect(names(models)).toEqual(['quick', 'wise', 'cheap']);
    expect(names(models.toReversed())).toEqual(names(models));
  });

  it('leaves out what was measured slower than the caller’s own limit', () => {
    const made = choice({ maxResponseTimeMs: 500 });
    expect(made?.chosen.name).toBe('quick');
    expect(made?.others).toEqual([]);
    expect(choice({ maxResponseTimeMs: 100 })).toBeUndefined();
  });

  it('lets in what was never measured, and says so', () => {
    const made = choice({ maxResponseTimeMs: 100 }, [...models, candidate('new')]);
    expect(made?.chosen).toMatchObject({ name: 'new', latency: null, isFastEnough: null });
    expect(made?.reasoning).toContain('not measured yet');
    expect(made?.confidence).toBe(0);
  });

  it('has the limits of the contexts, which push slower ones behind instead of refusing', () => {
    const limits = {
      greeting: 500,
      vr: 700,
      conversation: 2_000,
      technical: 3_000,
      creative: 3_000,
      emergency: 300,
      multimodal: 5_000,
    };
    for (const context of contextTypes) {
      const slow = candidate('slow', { ms: limits[context] + 1, quality: 1, capabilities: ['chat', 'vision'] });
      const intime = candidate('in time', { ms: limits[context], quality: 0, capabilities: ['chat', 'vision'] });
      expect(choice({ context }, [slow, intime])?.chosen.name).toBe('in time');
      expect(choice({ context }, [slow])?.reasoning).toContain(`over ${limits[context]} ms`);
    }
  });

  it('takes the fastest where all are too slow for the context', () => {
    expect(choice({ context: 'emergency', priority: 'quality' }, [wise, cheap])?.chosen.name).toBe('cheap');
  });

  it('asks for what is needed, and never for what cannot chat', () => {
    const seeing = candidate('seeing', { capabilities: ['chat', 'vision'] });
    const vectors = candidate('vectors', { capabilities: ['embeddings'], quality: 1 });
    expect(choice({ context: 'multimodal' }, [...models, seeing])?.chosen.name).toBe('seeing');
    expect(choice({ requiredCapabilities: ['vision'] }, [...models, seeing])?.others).toEqual([]);
    expect(choice({ requiredCapabilities: ['telepathy'] }, [...models, seeing])).toBeUndefined();
    expect(choice({}, [vectors])).toBeUndefined();
    expect(choice({}, [])).toBeUndefined();
  });

  it('does not call cheap what has no price', () => {
    const unpriced = candidate('unpriced', { quality: 0.4, ms: 900 });
    expect(choice({ priority: 'cost' }, [unpriced, cheap])?.chosen.name).toBe('cheap');
    expect(choice({}, [unpriced])?.chosen.costMicros).toBeNull();
    expect(choice({}, [unpriced])?.reasoning).toContain('price is unknown');
  });

  it('prefers, among equals, the one that its vendor keeps longer, and warns of the other', () => {
    const ending = candidate('ending', { endsOn: '2026-12-11' });
    const staying = candidate('staying');
    expect(choice({}, [ending, staying])?.chosen.name).toBe('staying');
    expect(choice({}, [ending])?.reasoning).toContain('off on 2026-12-11, in 20 days');
  });

  it('costs what the expected tokens cost', () => {
    expect(choice({ priority: 'quality' })?.chosen.costMicros).toBe(10_000 + 20_000);
    expect(choice({ priority: 'quality', inputTokens: 2_000, outputTokens: 0 })?.chosen.costMicros).toBe(20_000);
  });

  it('is the surer the more was measured', () => {
    const sure = (known: Known) => choice({}, [candidate('m', known)])?.confidence;
    expect(sure({})).toBe(0);
    expect(sure({ dollars: 1 })).toBe(0.2);
    expect(sure({ dollars: 1, quality: 0.1, ms: 1, calls: 10 })).toBe(0.8);
    expect(sure({ dollars: 1, quality: 0.1, ms: 1, calls: 50 })).toBe(1);
  });
});
