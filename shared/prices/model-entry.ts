import * as z from 'zod';

export const capabilities = [
  'chat',
  'streaming',
  'tools',
  'vision',
  'structured_output',
  'reasoning',
  'audio',
  'embeddings',
] as const;
export type Capability = (typeof capabilities)[number];

/** Dollars for a million units, as text, so that no rounding comes between a vendor's page and a bill. */
const Dollars = z
  .string()
  .regex(/^\d{1,6}\.\d{2,6}$/, 'must be dollars with two to six decimals')
  .transform((text) => {
    const [whole = '', decimals = ''] = text.split('.');
    return Number(whole) * 1_000_000 + Number(decimals.padEnd(6, '0'));
  });

const rates = {
  input: Dollars,
  /** Null where the vendor gives no discount for what it has in its cache. */
  cached_input: Dollars.nullable(),
  output: Dollars,
  cache_write: Dollars.optional(),
  cache_write_long: Dollars.optional(),
};

const tokens = z.int().min(1);

const PricesSchema = z.strictObject({
  ...rates,
  long: z.strictObject({ ...rates, above_input_tokens: tokens }).optional(),
});

/** The day a price is from: what its source says, or else when that was read. */
const read = { source: z.url({ protocol: /^https$/ }), date: z.iso.date() };

export const ModelEntrySchema = z.strictObject({
  provider: z.string().min(1),
  id: z.string().min(1),
  name: z.string().min(1),
  /** Other ids that mean the same model at the same price: dated snapshots and shorter names. */
  snapshots: z.array(z.string().min(1)).min(1).optional(),
  context_window: tokens.nullable(),
  max_output_tokens: tokens.nullable(),
  capabilities: z.array(z.enum(capabilities)).min(1),
  /** Null where no price is known. */
  prices: PricesSchema.nullable(),
  /** The day the vendor switches it off. */
  ends_on: z.iso.date().nullable(),
  ...read,
  quality: z.strictObject({ score: z.number().min(0).max(1), ...read }).optional(),
  note: z.string().optional(),
});

export const ModelFileSchema = z.strictObject({
  version: z.int().min(1),
  updated: z.iso.date(),
  models: z.array(ModelEntrySchema).min(1),
  /** Ids that vendors' SDKs name and that are left out on purpose. */
  unlisted: z.array(z.strictObject({ provider: z.string(), id: z.string(), reason: z.string().min(1) })),
});

export type ModelEntry = z.infer<typeof ModelEntrySchema>;
export type ModelFile = z.infer<typeof ModelFileSchema>;
