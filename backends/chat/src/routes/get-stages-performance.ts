import type { Hono } from 'hono';
import { getStagesPerformance as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';
import { windowAnswer } from './measured-answer.ts';

type Services = { providerHealth: ProviderHealthBook };

export function getStagesPerformanceRoute(app: Hono<ServiceEnv>, { providerHealth }: Services): void {
  mount(app, contract, ({ c }) => c.json({ ...windowAnswer(), stages: providerHealth.measured().stages }));
}
