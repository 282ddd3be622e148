import type { Hono } from 'hono';
import { getUserBudget as contract } from '#shared/contracts/chat-usage.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { budgetNotFound, describeBudget, userBudget } from '../money/budget-state.ts';
import type { MoneyServices } from '../money-services.ts';
import { pathId } from './path-id.ts';

export function getUserBudgetRoute(app: Hono<ServiceEnv>, { limits }: MoneyServices): void {
  mount(app, contract, async ({ c }) => c.json(describeBudget(await userBudget(limits, pathId(c, budgetNotFound)))));
}
