import type { Hono } from 'hono';
import type { z } from '@hono/zod-openapi';
import { listModels as contract, type Model, type ModelList } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import type { ChatProvider } from '../completion/chat-provider.ts';

export function listModelsRoute(app: Hono<ServiceEnv>, { catalogue }: { catalogue: Catalogue }): void {
  mount(app, contract, ({ c }) => {
    const data = catalogue.models.map(({ name, provider }) => toModel(name, provider));
    return c.json({ object: 'list', data } satisfies z.infer<typeof ModelList>);
  });
}

export function toModel(name: string, provider: ChatProvider): z.infer<typeof Model> {
  return { id: name, object: 'model', created: 0, owned_by: provider.id };
}
