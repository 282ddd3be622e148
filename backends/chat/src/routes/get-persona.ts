import type { Hono } from 'hono';
import { getPersona as contract } from '#shared/contracts/chat-personas.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describePersona, personaNotFound } from '../personas/persona.ts';
import type { Personas } from '../personas/personas.ts';
import { pathId } from './path-id.ts';

export function getPersonaRoute(app: Hono<ServiceEnv>, personas: Personas): void {
  mount(app, contract, async ({ c }) => {
    const user = userOf(c);
    const persona = describePersona(await personas.get(user, pathId(c, personaNotFound)), user);
    return c.json({ success: true, persona, message: 'Found' });
  });
}
