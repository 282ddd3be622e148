import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { getCurrentPersona, getPersona, initializeDefaultPersona, listPersonas } from '#shared/contracts/chat.ts';
import type { Check, CheckTarget } from './check.ts';
import { documented } from './documented.ts';
import { expectJson } from './http.ts';

const path = '/api/v0.2/personas';
const OnePersona = z.object({ success: z.literal(true), persona: z.object({ id: z.string(), name: z.string() }) });

/** Whoever answers the user of the key is the same afterwards. */
export const personaChecks: readonly Check[] = [
  documented('personas-list', listPersonas),
  documented('personas-current', getCurrentPersona),
  documented('personas-initialize', initializeDefaultPersona),
  {
    name: 'personas-create',
    run: async (target) => {
      const body = { name: `Check ${randomUUID()}`, system_prompt: 'You are there for a moment only.' };
      const { persona } = await expectJson(target, path, { body, status: 201, schema: OnePersona });
      const done = z.object({ success: z.literal(true) });
      await expectJson(target, `${path}/${persona.id}`, { method: 'DELETE', schema: done });
      return 'made and deleted';
    },
  },
  {
    name: 'personas-get',
    run: async (target) => {
      const { id } = await current(target);
      return await documented('', getPersona, `${path}/${id}`).run(target);
    },
  },
  {
    name: 'personas-set',
    run: async (target) => {
      const { id, name } = await current(target);
      await expectJson(target, `${path}/set`, { body: { persona_id: id }, schema: OnePersona });
      return `${name}, as before`;
    },
  },
];

async function current(target: CheckTarget): Promise<{ id: string; name: string }> {
  return (await expectJson(target, `${path}/current`, { schema: OnePersona })).persona;
}
