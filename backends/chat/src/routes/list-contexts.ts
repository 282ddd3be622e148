import type { Hono } from 'hono';
import type { z } from '@hono/zod-openapi';
import { listContexts as contract, type ContextList } from '#shared/contracts/chat.ts';
import { contextTypes } from '#shared/contracts/model-wishes.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { contextTable, usualWishes } from '../selection/wishes.ts';

export function listContextsRoute(app: Hono<ServiceEnv>): void {
  mount(app, contract, ({ c }) =>
    c.json({
      contexts: contextTypes.map((id) => ({
        id,
        max_response_time_ms: contextTable[id].maxResponseTimeMs,
        required_capabilities: [...contextTable[id].needs],
      })),
      default: usualWishes.context,
      total: contextTypes.length,
    } satisfies z.infer<typeof ContextList>),
  );
}
