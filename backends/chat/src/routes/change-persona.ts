import type { Hono } from 'hono';
import { changePersona as contract } from '#shared/contracts/chat-personas.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describePersona, personaNotFound } from '../personas/persona.ts';
import type { Personas } from '../personas/personas.ts';
import { pathId } from './path-id.ts';

export function changePersonaRoute(app: Hono<ServiceEnv>, personas: Personas): void {
  mount(app, contract, async ({ c, body }) => {
    const user = userOf(c);
    const persona = describePersona(await personas.change(user, pathId(c, personaNotFound), body), user);
    return c.json({ success: true, persona, message: 'Changed' });
  });
}
