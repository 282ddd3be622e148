import type { Hono } from 'hono';
import type { z } from '@hono/zod-openapi';
import { listCapabilities as contract, type CapabilityList } from '#shared/contracts/chat.ts';
import { capabilities } from '#shared/prices/model-entry.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import { usableModels } from '../selection/candidates.ts';
import { dayOf } from '../selection/lifetime.ts';

export function listCapabilitiesRoute(app: Hono<ServiceEnv>, { catalogue }: { catalogue: Catalogue }): void {
  mount(app, contract, ({ c }) => {
    const usable = usableModels(catalogue, c.get('principal'), dayOf(new Date()));
    const models = Object.fromEntries(
      capabilities.map((capability) => [
        capability,
        usable.filter(({ card }) => card.capabilities.includes(capability)).map(({ name }) => name),
      ]),
    );
    return c.json({ capabilities: [...capabilities], total: capabilities.length, models } satisfies z.infer<
      typeof CapabilityList
    >);
  });
}
