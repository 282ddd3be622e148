import type { Hono } from 'hono';
import { updateMe as contract } from '#shared/contracts/auth-sessions.ts';
import { AppError } from '#shared/http/error.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { accountAnswer } from '../accounts/account-answer.ts';
import type { AccountRepository } from '../accounts/account.ts';
import { actorOf } from '../audit/actor.ts';

export function updateMeRoute(app: Hono<ServiceEnv>, accounts: Pick<AccountRepository, 'find' | 'rename'>): void {
  mount(app, contract, async ({ c, body: { name } }) => {
    const { userId } = userOf(c);
    const account = name === undefined ? await accounts.find(userId) : await accounts.rename(userId, name, actorOf(c));
    if (!account) throw new AppError('not_found', 'This account is gone');
    return c.json(accountAnswer(account));
  });
}
