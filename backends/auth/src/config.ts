import * as z from 'zod';
import { parseConfig } from '#shared/config.ts';
import { serviceEnvironment } from '#shared/service/environment.ts';
import { confirmationRules } from './accounts/session-scopes.ts';
import { readSigningKeys } from './tokens/signing-keys.ts';

const SettingsSchema = z.object({
  ...serviceEnvironment,
  /** The private keys that tokens are signed with, as a JWKS document. */
  TOKEN_SIGNING_KEYS: z
    .string()
    .default('{"keys":[]}')
    .transform((text, context) => {
      try {
        return readSigningKeys(text);
      } catch {
        context.addIssue({ code: 'custom', message: 'must be a JWKS document of private Ed25519 or P-256 keys' });
        return z.NEVER;
      }
    }),
  /** `required`: until its address is confirmed, an account may only look at itself. See `confirmationRuleFor`. */
  EMAIL_CONFIRMATION: z.enum(confirmationRules).optional(),
  /** The page of the web front that confirms; token and address come in its fragment. */
  EMAIL_CONFIRM_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** The page of the web front that sets a password; token and address come in its fragment. */
  PASSWORD_RESET_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** The mail server, with user and password. Without it, mails are files (locally) or are not sent at all. */
  SMTP_URL: z.url({ protocol: /^smtps?$/ }).optional(),
  /** Sender of all mails: `Gaia <no-reply@example.com>`. */
  MAIL_FROM: z.string().default('Gaia <no-reply@localhost>'),
  /** Where mails are written to instead of being sent, for development. Only locally it has a default. */
  MAIL_DIRECTORY: z.string().optional(),
  /** Accounts that nobody confirmed, and nobody used, are removed after so many days. */
  UNCONFIRMED_ACCOUNT_DAYS: z.coerce.number().int().min(1).max(3_650).default(30),
  /** How often expired sessions, codes and the like are removed. */
  SWEEP_MINUTES: z.coerce.number().min(0.1).max(1_440).default(10),
  /** A Supabase project that keeps the accounts instead of us. The edge needs it as well. */
  SUPABASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Its public key, which every request to it takes. */
  SUPABASE_ANON_KEY: z.string().optional(),
  /** Its HS256 secret, where it has one: then logging out ends the session there as well. */
  SUPABASE_JWT_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
});

export const ConfigSchema = SettingsSchema.refine(
  ({ SUPABASE_URL, SUPABASE_ANON_KEY }) => SUPABASE_URL === undefined || SUPABASE_ANON_KEY !== undefined,
  { path: ['SUPABASE_ANON_KEY'], error: 'is needed with SUPABASE_URL' },
);

export type Config = z.infer<typeof ConfigSchema>;

export function readConfig(): Config {
  return parseConfig(ConfigSchema, process.env);
}

const MigrationConfigSchema = z
  .object({
    DATABASE_URL: serviceEnvironment.DATABASE_URL,
    DIRECT_DATABASE_URL: serviceEnvironment.DATABASE_URL.optional(),
    /** Where set, the application's login is made or gets this password. */
    APPLICATION_DATABASE_PASSWORD: z.string().min(16).optional(),
  })
  .transform(({ DATABASE_URL, DIRECT_DATABASE_URL, APPLICATION_DATABASE_PASSWORD }) => ({
    url: DIRECT_DATABASE_URL ?? DATABASE_URL,
    applicationPassword: APPLICATION_DATABASE_PASSWORD,
  }));

/** Migrations need no gateway keys, and a direct connection where the ordinary one goes through a pooler. */
export function readMigrationConfig(): z.infer<typeof MigrationConfigSchema> {
  return parseConfig(MigrationConfigSchema, process.env);
}
