import { z } from '@hono/zod-openapi';
import { contract, noBody, noQuery } from './contract.ts';
import { IdSchema, NextSchema, pageQuery } from './lists.ts';

const common = { service: 'auth', tag: 'Admin', access: 'admin' } as const;
const maxBytes = 16 * 1_024;

const RoleSchema = z.enum(['user', 'admin']);
const NameSchema = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^\P{Cc}*$/u, 'may hold no control characters');
const MomentSchema = z.iso.datetime({ offset: true });

const AdminUserSchema = z
  .object({
    id: IdSchema,
    email: z.string().nullable(),
    name: z.string().nullable(),
    role: RoleSchema,
    disabled_at: MomentSchema.nullable(),
    created_at: MomentSchema,
    updated_at: MomentSchema,
  })
  .openapi('AdminUser');

const CreateUserSchema = z.strictObject({
  email: z.email().max(255).toLowerCase(),
  name: NameSchema.optional(),
  role: RoleSchema.default('user'),
});

const ChangeUserSchema = z
  .strictObject({
    name: NameSchema.nullable().optional(),
    role: RoleSchema.optional(),
    disabled: z.boolean().optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'must change something');

export type CreateUserBody = z.infer<typeof CreateUserSchema>;
export type ChangeUserBody = z.infer<typeof ChangeUserSchema>;
export type AdminUserAnswer = z.infer<typeof AdminUserSchema>;

export const listUsers = contract({
  ...common,
  ...noBody,
  ...pageQuery,
  operation: 'listUsers',
  method: 'get',
  paths: ['/api/v1/admin/users'],
  summary: 'All users, newest first',
  answers: { 200: { description: 'A page', schema: z.object({ users: z.array(AdminUserSchema), next: NextSchema }) } },
});

export const createUser = contract({
  ...common,
  ...noQuery,
  operation: 'createUser',
  method: 'post',
  paths: ['/api/v1/admin/users'],
  summary: 'Make a user',
  body: { schema: CreateUserSchema, maxBytes },
  answers: {
    201: { description: 'The user, without a password', schema: AdminUserSchema },
    409: { description: 'The address is taken' },
  },
});

export const getUser = contract({
  ...common,
  ...noBody,
  ...noQuery,
  operation: 'getUser',
  method: 'get',
  paths: ['/api/v1/admin/users/{id}'],
  summary: 'One user',
  answers: { 200: { description: 'The user', schema: AdminUserSchema } },
});

export const changeUser = contract({
  ...common,
  ...noQuery,
  operation: 'changeUser',
  method: 'patch',
  paths: ['/api/v1/admin/users/{id}'],
  summary: 'Disable or enable a user, set the role or the name',
  description:
    'Disabling ends all sessions and stops all keys within five seconds; enabling lets the keys work again. A change of ' +
    'role ends all sessions. The last admin who is not disabled stays one.',
  body: { schema: ChangeUserSchema, maxBytes },
  answers: {
    200: { description: 'The user as it is now', schema: AdminUserSchema },
    409: { description: 'It is the last admin' },
  },
});
