import { z } from '@hono/zod-openapi';
import { contract, noBody, noQuery } from './contract.ts';
import { IdSchema, NextSchema, pageQuery } from './lists.ts';

const common = { service: 'chat', tag: 'Personas' } as const;
const maxBytes = 256 * 1_024;
const maxDetailCharacters = 16_000;

const line = (max: number) =>
  z
    .string()
    .trim()
    .max(max)
    .regex(/^\P{Cc}*$/u, 'may hold no control characters');
const DetailsSchema = z
  .record(z.string(), z.unknown())
  .refine((details) => JSON.stringify(details).length <= maxDetailCharacters, {
    message: `may be at most ${maxDetailCharacters} characters of JSON`,
  });

const fields = {
  name: line(100).min(1),
  description: z.string().max(2_000).nullable().optional(),
  system_prompt: z
    .string()
    .min(1)
    .max(32_000)
    .describe('`{tools_section}` in it is replaced by the tools of each request'),
  personality_traits: DetailsSchema.optional(),
  capabilities: DetailsSchema.optional(),
  is_active: z.boolean().optional().describe('An inactive persona is kept and not used'),
  is_shared: z.boolean().optional().describe('Offered to everybody. Administrators only.'),
};

const CreatePersonaSchema = z.strictObject(fields);
const ChangePersonaSchema = z
  .strictObject({ ...fields, name: fields.name.optional(), system_prompt: fields.system_prompt.optional() })
  .refine((change) => Object.keys(change).length > 0, 'must change something');

export type CreatePersonaBody = z.infer<typeof CreatePersonaSchema>;
export type ChangePersonaBody = z.infer<typeof ChangePersonaSchema>;

export const Persona = z
  .object({
    id: IdSchema,
    name: z.string(),
    description: z.string().nullable(),
    system_prompt: z.string(),
    personality_traits: z.record(z.string(), z.unknown()),
    capabilities: z.record(z.string(), z.unknown()),
    is_active: z.boolean(),
    is_shared: z.boolean(),
    created_by: IdSchema.nullable().describe('You, or null'),
    created_at: z.iso.datetime({ offset: true }),
    updated_at: z.iso.datetime({ offset: true }),
  })
  .openapi('Persona');

export type PersonaAnswer = z.infer<typeof Persona>;

const done = { success: z.literal(true), message: z.string() };
const OnePersona = z.object({ ...done, persona: Persona }).openapi('OnePersona');
const one = (description: string) => ({ description, schema: OnePersona });
const onePath = ['/api/v0.2/personas/{id}'] as const;

export const listPersonas = contract({
  ...common,
  ...noBody,
  operation: 'listPersonas',
  method: 'get',
  paths: ['/api/v0.2/personas', '/api/v1/personas', '/api/v1/chat/personas'],
  access: 'chat:read',
  summary: 'Your personas and the shared ones, newest first',
  query: pageQuery.query.extend({ limit: z.coerce.number().int().min(1).max(100).default(100) }),
  answers: {
    200: {
      description: 'A page',
      schema: z.object({
        ...done,
        personas: z.array(Persona),
        total: z.int().describe('Of all pages'),
        next: NextSchema,
      }),
    },
  },
});

export const createPersona = contract({
  ...common,
  ...noQuery,
  operation: 'createPersona',
  method: 'post',
  paths: ['/api/v0.2/personas', '/api/v1/chat/personas'],
  access: 'chat:write',
  summary: 'Make a persona, at most 100',
  body: { schema: CreatePersonaSchema, maxBytes },
  answers: { 201: one('The persona'), 409: { description: 'You have one of this name, or as many as you may' } },
});

export const getCurrentPersona = contract({
  ...common,
  ...noBody,
  ...noQuery,
  operation: 'getCurrentPersona',
  method: 'get',
  paths: ['/api/v0.2/personas/current'],
  access: 'chat:read',
  summary: 'The persona that answers you: your choice, or Mu',
  answers: { 200: one('The persona') },
});

export const setPersona = contract({
  ...common,
  ...noQuery,
  operation: 'setPersona',
  method: 'post',
  paths: ['/api/v0.2/personas/set'],
  access: 'chat:write',
  summary: 'Choose the persona that answers you',
  body: { schema: z.strictObject({ persona_id: IdSchema }), maxBytes: 4_096 },
  answers: { 200: one('Your choice') },
});

export const initializeDefaultPersona = contract({
  ...common,
  ...noBody,
  ...noQuery,
  operation: 'initializeDefaultPersona',
  method: 'post',
  paths: ['/api/v0.2/personas/initialize-default'],
  access: 'chat:write',
  summary: 'Make sure that Mu exists',
  description: 'An administrator also gives Mu the words back that come with Gaia, and switches it on.',
  answers: { 200: one('Mu') },
});

export const getPersona = contract({
  ...common,
  ...noBody,
  ...noQuery,
  operation: 'getPersona',
  method: 'get',
  paths: onePath,
  access: 'chat:read',
  summary: 'A persona of yours, or a shared one',
  answers: { 200: one('The persona') },
});

export const changePersona = contract({
  ...common,
  ...noQuery,
  operation: 'changePersona',
  method: 'put',
  paths: onePath,
  access: 'chat:write',
  summary: 'Change a persona of yours; administrators change the shared ones',
  description: 'What is not said stays.',
  body: { schema: ChangePersonaSchema, maxBytes },
  answers: { 200: one('The persona as it is now'), 409: { description: 'You have another one of this name' } },
});

export const deletePersona = contract({
  ...common,
  ...noBody,
  ...noQuery,
  operation: 'deletePersona',
  method: 'delete',
  paths: onePath,
  access: 'chat:write',
  summary: 'Delete a persona of yours; administrators delete the shared ones, but for Mu',
  answers: { 200: { description: 'Deleted', schema: z.object(done) }, 409: { description: 'It is Mu' } },
});
