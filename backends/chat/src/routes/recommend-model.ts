import type { Hono } from 'hono';
import type { z } from '@hono/zod-openapi';
import { recommendModel as contract, type RecommendRequest } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';
import { usualWishes, type Wishes } from '../selection/wishes.ts';
import { recommend } from './recommendation-answer.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };

/** English text has about four characters a token. */
const charactersPerToken = 4;

export function recommendModelRoute(app: Hono<ServiceEnv>, services: Services): void {
  mount(app, contract, ({ c, body }) => {
    const asked = { principal: c.get('principal'), wishes: wishesOf(body), provider: body.provider };
    return c.json(recommend(services, asked));
  });
}

function wishesOf(body: z.infer<typeof RecommendRequest>): Wishes {
  const counted = body.message ? Math.ceil(body.message.length / charactersPerToken) : usualWishes.inputTokens;
  return {
    context: body.context_type ?? usualWishes.context,
    priority: body.priority ?? usualWishes.priority,
    maxResponseTimeMs: body.max_response_time_ms ?? null,
    requiredCapabilities: body.required_capabilities ?? [],
    inputTokens: body.input_tokens ?? counted,
    outputTokens: body.output_tokens ?? usualWishes.outputTokens,
  };
}
