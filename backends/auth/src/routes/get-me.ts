import type { Hono } from 'hono';
import { getMe as contract } from '#shared/contracts/auth-sessions.ts';
import { AppError } from '#shared/http/error.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { accountAnswer } from '../accounts/account-answer.ts';
import type { AccountRepository } from '../accounts/account.ts';

export function getMeRoute(app: Hono<ServiceEnv>, accounts: Pick<AccountRepository, 'find'>): void {
  mount(app, contract, async ({ c }) => {
    const account = await accounts.find(userOf(c).userId);
    if (!account) throw new AppError('not_found', 'This account is gone');
    return c.json(accountAnswer(account));
  });
}
