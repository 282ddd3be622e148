import type { Hono } from 'hono';
import type { z } from '@hono/zod-openapi';
import { listPriorities as contract, type PriorityList } from '#shared/contracts/chat.ts';
import { priorities } from '#shared/contracts/model-wishes.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { usualWishes, type Priority } from '../selection/wishes.ts';

const descriptions: Record<Priority, string> = {
  speed: 'Answers that begin soon, as measured',
  quality: 'Models that do best in public benchmarks',
  balanced: 'Quality and speed alike',
  vr: 'Answers that begin within 700 ms',
  cost: 'Calls that cost little',
};

export function listPrioritiesRoute(app: Hono<ServiceEnv>): void {
  mount(app, contract, ({ c }) =>
    c.json({
      priorities: priorities.map((id) => ({ id, description: descriptions[id] })),
      default: usualWishes.priority,
      total: priorities.length,
    } satisfies z.infer<typeof PriorityList>),
  );
}
