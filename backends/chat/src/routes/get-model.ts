import type { Hono } from 'hono';
import { getModel as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import { toModel } from './list-models.ts';

export function getModelRoute(app: Hono<ServiceEnv>, { catalogue }: { catalogue: Catalogue }): void {
  mount(app, contract, ({ c }) => {
    const name = c.req.param('id') ?? '';
    return c.json(toModel(name, catalogue.select(name).provider));
  });
}
