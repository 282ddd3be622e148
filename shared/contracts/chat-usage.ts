import { z } from '@hono/zod-openapi';
import { contract, noBody, noQuery } from './contract.ts';
import { IdSchema } from './lists.ts';

const common = { service: 'chat', tag: 'Usage', access: 'usage:read' } as const;
const maxBytes = 16 * 1_024;

const money = (what: string) => z.number().describe(`${what}, in US dollars`);
const micros = (what: string) => z.int().describe(`${what}, in whole micro-dollars: the exact figure`);
const DaySchema = z.iso.date();
const WindowSchema = z.enum(['day', 'month', 'total']).describe('Days and months are those of UTC');

const totalsShape = {
  calls: z.int(),
  failed_calls: z.int(),
  cancelled_calls: z.int(),
  input_tokens: z.int(),
  cached_input_tokens: z.int(),
  output_tokens: z.int(),
  total_tokens: z.int(),
  cost_micros: micros('Cost'),
  cost_usd: money('Cost'),
};

export const UsageTotals = z.object(totalsShape).openapi('UsageTotals');

const breakdown = {
  by_provider: z.array(z.object({ provider: z.string(), ...totalsShape })),
  by_model: z.array(z.object({ provider: z.string(), model: z.string(), ...totalsShape })),
  by_key: z.array(
    z.object({
      key_id: IdSchema.nullable().describe('Null: sessions, without a key'),
      key_name: z.string().nullable(),
      ...totalsShape,
    }),
  ),
};

export const UsageReport = z
  .object({
    user_id: IdSchema,
    from: DaySchema,
    to: DaySchema.describe('The last day that is counted'),
    totals: UsageTotals,
    by_day: z.array(z.object({ day: DaySchema, ...totalsShape })),
    ...breakdown,
  })
  .openapi('UsageReport');

export const BudgetState = z
  .object({
    subject: z.enum(['key', 'user']),
    id: IdSchema,
    name: z.string().nullable().describe('Of the key'),
    window: WindowSchema,
    limit_micros: micros('What may be spent in the window'),
    limit_usd: money('What may be spent in the window'),
    spent_micros: micros('Spent'),
    spent_usd: money('Spent'),
    reserved_micros: micros('Held back for calls that run'),
    reserved_usd: money('Held back for calls that run'),
    remaining_micros: micros('What is left for new calls'),
    remaining_usd: money('What is left for new calls'),
    resets_at: z.iso.datetime({ offset: true }).nullable().describe('Null: never'),
  })
  .openapi('BudgetState');

const ofUser = { user_id: IdSchema.optional().describe('Somebody else’s; admins only') };
const format = {
  format: z
    .enum(['json', 'csv'])
    .optional()
    .describe('`csv`: a row per day, model and key; as does `Accept: text/csv`'),
};
const csv = 'As CSV: one row per day, operation, model and key, oldest first, at most 100,000 rows';

export const getCurrentUsage = contract({
  ...common,
  ...noBody,
  operation: 'getCurrentUsage',
  method: 'get',
  paths: ['/api/v0.2/usage/current'],
  summary: 'What you used today and this month (UTC), from the metered calls',
  query: z.object(ofUser),
  answers: {
    200: {
      description: 'Today and this month so far, and every budget that counts',
      schema: z.object({
        user_id: IdSchema,
        month: z.string(),
        today: UsageTotals,
        this_month: UsageTotals,
        ...breakdown,
        budgets: z.array(BudgetState),
        timestamp: z.string(),
      }),
    },
  },
});

export const getUsageHistory = contract({
  ...common,
  ...noBody,
  operation: 'getUsageHistory',
  method: 'get',
  paths: ['/api/v0.2/usage/history'],
  summary: 'What you used in the last days, by day, provider, model and key',
  description: csv,
  query: z.object({ days: z.coerce.number().int().min(1).max(366).default(7), ...ofUser, ...format }),
  answers: {
    200: { description: 'Every day of the range, used or not', schema: UsageReport.extend({ days: z.int() }) },
  },
});

const CountSchema = z.int().nullable().describe('Null: no limit');

export const getUsageLimits = contract({
  ...common,
  ...noBody,
  operation: 'getUsageLimits',
  method: 'get',
  paths: ['/api/v0.2/usage/limits'],
  summary: 'The limits of the credential this is called with, where it stands, and all your budgets',
  query: z.object(ofUser),
  answers: {
    200: {
      description: 'Limits are those of the caller, also where an admin asks for somebody else’s budgets',
      schema: z.object({
        user_id: IdSchema,
        key_id: IdSchema.nullable(),
        limits: z.object({ rpm: CountSchema, tpm: CountSchema, concurrency: CountSchema }),
        used: z.object({
          requests_this_minute: z.int().describe('Counted only where rpm or tpm is limited'),
          tokens_this_minute: z.int().describe('Real ones of calls that are over, the most possible of those that run'),
          running: z.int().describe('Counted only where something is held back for calls'),
          minute_resets_in_seconds: z.int(),
        }),
        budgets: z.array(BudgetState),
      }),
    },
  },
});

export const getCurrentBilling = contract({
  ...common,
  ...noBody,
  operation: 'getCurrentBilling',
  method: 'get',
  paths: ['/api/v0.2/billing/current', '/api/v0.2/usage/billing/current'],
  summary: 'What this month (UTC) has cost so far, by model',
  query: z.object(ofUser),
  answers: {
    200: {
      description: 'The charges',
      schema: z.object({
        user_id: IdSchema,
        month: z.string(),
        status: z.literal('open'),
        currency: z.literal('USD'),
        total_micros: micros('Total'),
        total_usd: money('Total'),
        charges: z.array(z.object({ provider: z.string(), model: z.string(), ...totalsShape })),
        budgets: z.array(BudgetState),
      }),
    },
  },
});

export const getMonthlyReport = contract({
  ...common,
  ...noBody,
  operation: 'getMonthlyReport',
  method: 'get',
  paths: ['/api/v0.2/usage/reports/monthly'],
  summary: 'One month (UTC), by day, provider, model and key',
  description: csv,
  query: z.object({
    month: z
      .string()
      .regex(/^20\d\d-(?:0[1-9]|1[0-2])$/, 'must be YYYY-MM')
      .optional()
      .describe('YYYY-MM; this month where absent'),
    ...ofUser,
    ...format,
  }),
  answers: {
    200: {
      description: 'Every day of the month; a month that goes on is open',
      schema: UsageReport.extend({ month: z.string(), status: z.enum(['open', 'closed']) }),
    },
  },
});

export const logUsage = contract({
  ...common,
  ...noQuery,
  operation: 'logUsage',
  method: 'post',
  paths: ['/api/v0.2/usage/log'],
  summary: 'For older clients, which report their usage themselves: it is counted already',
  description:
    'Every call is metered where it is made. What a client says about it adds nothing and takes nothing away, so the ' +
    'report is checked and not kept.',
  body: {
    schema: z.looseObject({
      provider: z.string().max(64).nullish(),
      model: z.string().max(200).nullish(),
      operation: z.string().max(64).nullish(),
      input_tokens: z.int().min(0).nullish(),
      output_tokens: z.int().min(0).nullish(),
      tokens: z.int().min(0).nullish(),
      cost: z.number().min(0).nullish(),
    }),
    maxBytes,
  },
  answers: {
    200: {
      description: 'Understood, and nothing was recorded',
      schema: z.object({ success: z.literal(true), recorded: z.literal(false), message: z.string() }),
    },
  },
});

const admin = { ...common, access: 'admin', paths: ['/api/v0.2/usage/budgets/users/{id}'] } as const;

const SetBudgetSchema = z.strictObject({
  usd: z.number().min(0).max(1_000_000_000).multipleOf(0.000001).describe('0 allows only what is free'),
  window: WindowSchema,
});

export const getUserBudget = contract({
  ...admin,
  ...noBody,
  ...noQuery,
  operation: 'getUserBudget',
  method: 'get',
  summary: 'A user’s budget, which all keys and sessions of the user share',
  answers: { 200: { description: 'Where it stands', schema: BudgetState }, 404: { description: 'There is none' } },
});

export const setUserBudget = contract({
  ...admin,
  ...noQuery,
  operation: 'setUserBudget',
  method: 'put',
  summary: 'Give a user a budget',
  description: 'What was spent in the window before counts. In force within two seconds; calls that run go on.',
  body: { schema: SetBudgetSchema, maxBytes },
  answers: { 200: { description: 'Where it stands', schema: BudgetState }, 404: { description: 'No such user' } },
});

export const removeUserBudget = contract({
  ...admin,
  ...noBody,
  ...noQuery,
  operation: 'removeUserBudget',
  method: 'delete',
  summary: 'Take a user’s budget back',
  answers: { 204: { description: 'There is none, now or before' } },
});
