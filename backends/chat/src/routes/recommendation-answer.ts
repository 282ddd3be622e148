import type { z } from '@hono/zod-openapi';
import type { Recommendation } from '#shared/contracts/chat.ts';
import { AppError } from '#shared/http/error.ts';
import type { Principal } from '#shared/identity/principal.ts';
import { providerNamed, type Catalogue } from '../completion/catalogue.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';
import { candidatesOf, realModels, usableModels } from '../selection/candidates.ts';
import { chooseModel } from '../selection/choose.ts';
import { dayOf, warningsOf } from '../selection/lifetime.ts';
import type { Ranked } from '../selection/rank.ts';
import type { Wishes } from '../selection/wishes.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };
type Asked = { principal: Principal; wishes: Wishes; provider?: string | null | undefined };

const maxAlternatives = 5;

/** Chooses for a caller among what that caller may use, and says it in the API’s words. */
export function recommend(
  { catalogue, providerHealth }: Services,
  { principal, wishes, provider }: Asked,
): z.infer<typeof Recommendation> {
  const today = dayOf(new Date());
  const wanted = provider && (providerNamed(catalogue.providers, provider)?.id ?? provider);
  const usable = usableModels(catalogue, principal, today);
  const models = wanted ? usable.filter((model) => model.provider.id === wanted) : realModels(usable);
  const choice = chooseModel(candidatesOf(models, providerHealth), wishes, today);
  if (!choice) throw new AppError('not_found', 'No model that this key may use does all that was asked for');
  const { chosen, others, confidence, reasoning } = choice;
  return {
    recommended_model: chosen.name,
    provider: chosen.provider,
    confidence,
    reasoning,
    alternatives: others.slice(0, maxAlternatives).map((other) => ({
      model: other.name,
      provider: other.provider,
      score: other.score,
      ...estimatesOf(other),
    })),
    ...estimatesOf(chosen),
    expected_tokens: { input: wishes.inputTokens, output: wishes.outputTokens },
    warnings: warningsOf(chosen.card, today),
  };
}

function estimatesOf({ costMicros, latency }: Ranked) {
  return {
    estimated_cost: costMicros === null ? null : costMicros / 1_000_000,
    estimated_response_time_ms: latency && latency.firstByteMs,
  };
}
