import type { Hono } from 'hono';
import { listPersonas as contract } from '#shared/contracts/chat-personas.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describePersona } from '../personas/persona.ts';
import type { Personas } from '../personas/personas.ts';

export function listPersonasRoute(app: Hono<ServiceEnv>, personas: Personas): void {
  mount(app, contract, async ({ c, query }) => {
    const user = userOf(c);
    const { items, next, total } = await personas.list(user, query);
    const described = items.map((persona) => describePersona(persona, user));
    return c.json({ success: true, personas: described, total, next, message: `${total} personas` });
  });
}
