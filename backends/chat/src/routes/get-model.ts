import type { Hono } from 'hono';
import { getModel as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import { dayOf } from '../selection/lifetime.ts';
import { allowedModel } from '../selection/visible.ts';
import { toModel } from './model-answer.ts';

export function getModelRoute(app: Hono<ServiceEnv>, { catalogue }: { catalogue: Catalogue }): void {
  mount(app, contract, ({ c }) => {
    const model = allowedModel(catalogue, c.get('principal'), c.req.param('id') ?? '');
    return c.json(toModel(model, dayOf(new Date())));
  });
}
