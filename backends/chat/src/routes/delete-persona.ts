import type { Hono } from 'hono';
import { deletePersona as contract } from '#shared/contracts/chat-personas.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { personaNotFound } from '../personas/persona.ts';
import type { Personas } from '../personas/personas.ts';
import { pathId } from './path-id.ts';

export function deletePersonaRoute(app: Hono<ServiceEnv>, personas: Personas): void {
  mount(app, contract, async ({ c }) => {
    await personas.remove(userOf(c), pathId(c, personaNotFound));
    return c.json({ success: true, message: 'Deleted' });
  });
}
