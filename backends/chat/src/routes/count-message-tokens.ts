import type { Hono } from 'hono';
import { countMessageTokens as contract } from '#shared/contracts/chat.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { unknownModel, type Catalogue } from '../completion/catalogue.ts';
import { estimatedTokenCount } from '../protocols/count-tokens.ts';
import { isSelectionAllowed } from '../selection/allowed-models.ts';
import { answerCall, type CallServices } from './answer-call.ts';

/** Where the model's vendor counts, it does; elsewhere the count is an estimate. */
export function countMessageTokensRoute(
  app: Hono<ServiceEnv>,
  { catalogue, ...services }: CallServices & { catalogue: Catalogue },
): void {
  mount(app, contract, async ({ c, body, rawBody }) => {
    const selection = catalogue.select(body.model);
    if (!isSelectionAllowed(userOf(c), selection)) throw unknownModel(body.model);
    if (!selection.provider.speaks.includes('count-tokens')) return c.json(estimatedTokenCount(body));
    return await answerCall(c, services, { protocol: 'count-tokens', body, rawBody });
  });
}
