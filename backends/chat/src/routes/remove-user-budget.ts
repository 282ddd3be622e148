import type { Hono } from 'hono';
import { removeUserBudget as contract } from '#shared/contracts/chat-usage.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { budgetNotFound } from '../money/budget-state.ts';
import type { MoneyServices } from '../money-services.ts';
import { budgetActor } from './budget-actor.ts';
import { pathId } from './path-id.ts';

export function removeUserBudgetRoute(app: Hono<ServiceEnv>, { userBudgets }: MoneyServices): void {
  mount(app, contract, async ({ c }) => {
    await userBudgets.remove(budgetActor(c), pathId(c, budgetNotFound));
    return c.body(null, 204);
  });
}
