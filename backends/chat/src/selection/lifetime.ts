import type { ModelCard } from '../completion/model-card.ts';

/** How long before its end a model is warned of. */
const warningDays = 90;

type Mortal = Pick<ModelCard, 'endsOn'>;

/** Days are YYYY-MM-DD, and compare as text. On its last day a model may still answer. */
export function hasEnded({ endsOn }: Mortal, today: string): boolean {
  return endsOn !== null && endsOn < today;
}

/** What users of a model should know about its future; mostly nothing. */
export function warningsOf(card: Mortal, today: string): string[] {
  if (card.endsOn === null) return [];
  if (hasEnded(card, today)) return [`Its vendor switched this model off on ${card.endsOn}`];
  const days = Math.round((Date.parse(card.endsOn) - Date.parse(today)) / 86_400_000);
  return days > warningDays ? [] : [`Its vendor switches this model off on ${card.endsOn}, ${inDays(days)}`];
}

export function dayOf(moment: Date): string {
  return moment.toISOString().slice(0, 10);
}

function inDays(days: number): string {
  if (days === 0) return 'today';
  return days === 1 ? 'tomorrow' : `in ${days} days`;
}
