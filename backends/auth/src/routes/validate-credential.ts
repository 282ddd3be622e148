import type { Hono } from 'hono';
import { validateCredential as contract } from '#shared/contracts/auth-sessions.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { validateCredential, type CredentialSources } from '../tokens/validate-credential.ts';

export function validateCredentialRoute(app: Hono<ServiceEnv>, sources: CredentialSources): void {
  mount(app, contract, async ({ c, body }) => {
    const { isValid, kind, userId, error } = await validateCredential(sources, body, new Date());
    return c.json({ valid: isValid, auth_type: kind, user_id: userId, error });
  });
}
