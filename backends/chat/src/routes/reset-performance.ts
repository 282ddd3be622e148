import type { Hono } from 'hono';
import { resetPerformance as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';

type Services = { providerHealth: ProviderHealthBook };

export function resetPerformanceRoute(app: Hono<ServiceEnv>, { providerHealth }: Services): void {
  mount(app, contract, ({ c }) => {
    providerHealth.reset();
    return c.json({ success: true, message: 'This process forgot all measurements' });
  });
}
