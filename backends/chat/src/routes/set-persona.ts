import type { Hono } from 'hono';
import { setPersona as contract } from '#shared/contracts/chat-personas.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describePersona } from '../personas/persona.ts';
import type { Personas } from '../personas/personas.ts';

export function setPersonaRoute(app: Hono<ServiceEnv>, personas: Personas): void {
  mount(app, contract, async ({ c, body }) => {
    const user = userOf(c);
    const persona = describePersona(await personas.choose(user, body.persona_id), user);
    return c.json({ success: true, persona, message: 'Answers you from now on' });
  });
}
