import { getOpenApiDocument as contract } from '#shared/contracts/platform.ts';
import { mount } from '#shared/service/mount.ts';
import type { Hono } from 'hono';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ApiReference } from '../docs/api-reference.ts';

export function getOpenApiDocumentRoute(app: Hono<ServiceEnv>, reference: ApiReference): void {
  mount(app, contract, ({ c }) => c.body(reference.json(), 200, { 'content-type': 'application/json' }));
}
