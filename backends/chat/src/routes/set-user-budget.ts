import type { Hono } from 'hono';
import { setUserBudget as contract } from '#shared/contracts/chat-usage.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { budgetNotFound, describeBudget, userBudget } from '../money/budget-state.ts';
import type { MoneyServices } from '../money-services.ts';
import { budgetActor } from './budget-actor.ts';
import { pathId } from './path-id.ts';

export function setUserBudgetRoute(app: Hono<ServiceEnv>, { limits, userBudgets }: MoneyServices): void {
  mount(app, contract, async ({ c, body: { usd, window } }) => {
    const id = pathId(c, budgetNotFound);
    const budget = { period: window, limitMicros: Math.round(usd * 1_000_000) };
    if (!(await userBudgets.set(budgetActor(c), id, budget))) throw budgetNotFound();
    return c.json(describeBudget(await userBudget(limits, id)));
  });
}
