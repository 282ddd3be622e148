import type { Hono } from 'hono';
import { recommendVrModel as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';
import { usualWishes } from '../selection/wishes.ts';
import { recommend } from './recommendation-answer.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };

export function recommendVrModelRoute(app: Hono<ServiceEnv>, services: Services): void {
  mount(app, contract, ({ c }) => {
    const wishes = { ...usualWishes, context: 'vr', priority: 'vr', requiredCapabilities: ['streaming'] } as const;
    return c.json(recommend(services, { principal: c.get('principal'), wishes }));
  });
}
