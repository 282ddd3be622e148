import type { Hono } from 'hono';
import type { z } from '@hono/zod-openapi';
import { listModels as contract, type ModelList } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import { usableModels } from '../selection/candidates.ts';
import { dayOf } from '../selection/lifetime.ts';
import { toModel } from './model-answer.ts';

export function listModelsRoute(app: Hono<ServiceEnv>, { catalogue }: { catalogue: Catalogue }): void {
  mount(app, contract, ({ c }) => {
    const today = dayOf(new Date());
    const data = usableModels(catalogue, c.get('principal'), today).map((model) => toModel(model, today));
    return c.json({
      object: 'list',
      data,
      has_more: false,
      first_id: data[0]?.id ?? null,
      last_id: data.at(-1)?.id ?? null,
    } satisfies z.infer<typeof ModelList>);
  });
}
