import type { z } from '@hono/zod-openapi';
import type { ModelPerformance, ProviderPerformance } from '#shared/contracts/chat.ts';
import type { ListedModel } from '../completion/catalogue.ts';
import { windowMs, type Performance, type PerformanceBook } from '../performance/performance-book.ts';
import type { VisibleProvider } from '../selection/visible.ts';

type Book = Pick<PerformanceBook, 'measured'>;
type Measured = Omit<z.infer<typeof ProviderPerformance>, 'provider'>;

export function toMeasured(performance: Performance): Measured {
  const { calls, completed, failed, cancelled, errorRate, firstByte, total } = performance;
  return { calls, completed, failed, cancelled, error_rate: errorRate, ttft_ms: firstByte, total_ms: total };
}

/** What a window was measured over, and when. */
export function windowAnswer(ms = windowMs): { window_seconds: number; timestamp: string } {
  return { window_seconds: ms / 1_000, timestamp: new Date().toISOString() };
}

export function providerPerformance(
  book: Book,
  { provider }: VisibleProvider,
  ms = windowMs,
): z.infer<typeof ProviderPerformance> {
  return { provider: provider.id, ...toMeasured(book.measured((model) => model.provider === provider.id, ms)) };
}

/** Only of models that were called; names are those that requests take. */
export function modelPerformances(book: Book, models: readonly ListedModel[]): z.infer<typeof ModelPerformance>[] {
  return models.flatMap(({ name, provider, card }) => {
    const measured = book.measured((model) => model.provider === provider.id && model.model === card.id);
    return measured.calls === 0 ? [] : [{ model: name, provider: provider.id, ...toMeasured(measured) }];
  });
}
