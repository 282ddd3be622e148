import type { Hono } from 'hono';
import { getApiHealth as contract } from '#shared/contracts/chat.ts';
import type { BuildInfo } from '#shared/service/build-info.ts';
import type { HealthReporter } from '#shared/service/health.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';

type Services = { build: BuildInfo; health: HealthReporter };

export function getApiHealthRoute(app: Hono<ServiceEnv>, { build, health }: Services): void {
  mount(app, contract, async ({ c }) => {
    const report = await health.report();
    return c.json({ service: 'chat', ...build, ...report }, report.status === 'unhealthy' ? 503 : 200);
  });
}
