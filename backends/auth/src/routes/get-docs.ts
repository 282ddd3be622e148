import { getDocs as contract } from '#shared/contracts/platform.ts';
import { mount } from '#shared/service/mount.ts';
import type { Hono } from 'hono';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ApiReference } from '../docs/api-reference.ts';
import { docsContentSecurityPolicy } from '../docs/docs-page.ts';

export function getDocsRoute(app: Hono<ServiceEnv>, reference: ApiReference): void {
  mount(app, contract, ({ c }) =>
    c.body(reference.html(), 200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': docsContentSecurityPolicy,
    }),
  );
}
