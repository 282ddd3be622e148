import type { Hono } from 'hono';
import type { z } from '@hono/zod-openapi';
import { rankStreamModels as contract, type ModelRankings } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';
import { candidatesOf, usableModels, type Candidate } from '../selection/candidates.ts';
import { dayOf } from '../selection/lifetime.ts';
import { contextTable } from '../selection/wishes.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };
type Row = z.infer<typeof ModelRankings>['fastest_ttft'][number];

export function rankStreamModelsRoute(app: Hono<ServiceEnv>, { catalogue, providerHealth }: Services): void {
  mount(app, contract, ({ c }) => {
    const usable = usableModels(catalogue, c.get('principal'), dayOf(new Date()));
    const rows = candidatesOf(usable, providerHealth)
      .filter(({ card }) => card.capabilities.includes('streaming'))
      .map(toRow);
    const fastest = rows.filter(({ ttft_ms: ttft }) => ttft !== null).toSorted((a, b) => ttftOf(a) - ttftOf(b));
    return c.json({
      fastest_ttft: fastest,
      highest_quality: rows.filter(({ quality }) => quality !== null).toSorted((a, b) => qualityOf(b) - qualityOf(a)),
      vr_suitable: fastest.filter((row) => ttftOf(row) <= contextTable.vr.maxResponseTimeMs),
      timestamp: new Date().toISOString(),
    } satisfies z.infer<typeof ModelRankings>);
  });
}

function toRow({ name, provider, card, latency }: Candidate): Row {
  const { firstByteMs = null, calls = 0 } = latency?.isStreamed ? latency : {};
  return { model: name, provider, ttft_ms: firstByteMs, calls, quality: card.quality };
}

function ttftOf({ ttft_ms: ttft }: Row): number {
  return ttft ?? Infinity;
}

function qualityOf({ quality }: Row): number {
  return quality ?? 0;
}
