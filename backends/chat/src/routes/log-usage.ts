import type { Hono } from 'hono';
import { logUsage as contract } from '#shared/contracts/chat-usage.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';

export function logUsageRoute(app: Hono<ServiceEnv>): void {
  mount(app, contract, ({ c }) =>
    c.json({
      success: true,
      recorded: false,
      message: 'Every call is metered where it is made, so there was nothing to record',
    }),
  );
}
