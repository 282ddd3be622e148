import type { Hono } from 'hono';
import { reloadPrompt as contract } from '#shared/contracts/chat-history.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Personas } from '../personas/personas.ts';
import { apiVersionOf } from './api-version.ts';

export function reloadPromptRoute(app: Hono<ServiceEnv>, personas: Personas): void {
  mount(app, contract, async ({ c }) => {
    personas.cache.drop(userOf(c));
    const message = 'Your persona is read anew at the next message';
    return c.json({ status: 'success', message, api_version: apiVersionOf(c) });
  });
}
