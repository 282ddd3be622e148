import { z } from '@hono/zod-openapi';
import { contract, noBody } from './contract.ts';
import { IdSchema, NextSchema, pageQuery } from './lists.ts';

const StateSchema = z.unknown().describe('Never a secret. Null where there was nothing.');

const AuditEntrySchema = z
  .object({
    id: IdSchema,
    at: z.iso.datetime({ offset: true }),
    action: z.string().describe('What happened, such as key.created or user.disabled'),
    user_id: IdSchema.nullable().describe('Whose record this is'),
    subject: z.object({ kind: z.string(), id: z.string().nullable() }),
    actor: z
      .object({ user_id: IdSchema.nullable(), key_id: IdSchema.nullable(), session_id: z.string().nullable() })
      .describe('Who did it, by what credential. All null: somebody else, who is shown to admins only'),
    before: StateSchema,
    after: StateSchema,
    request_id: z.string().nullable(),
    address: z.string().nullable(),
  })
  .openapi('AuditEntry');

export type AuditEntryAnswer = z.infer<typeof AuditEntrySchema>;

export const listAudit = contract({
  ...noBody,
  ...pageQuery,
  operation: 'listAudit',
  service: 'auth',
  method: 'get',
  paths: ['/api/v1/audit'],
  access: 'keys:write',
  tag: 'Audit',
  summary: 'What happened to your keys, sessions and account, newest first; admins see what happened to everybody',
  answers: {
    200: { description: 'A page', schema: z.object({ entries: z.array(AuditEntrySchema), next: NextSchema }) },
  },
});
