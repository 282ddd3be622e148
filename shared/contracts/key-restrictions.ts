import { z } from '@hono/zod-openapi';

const maxEntries = 100;
/** Together, since they travel in a header of every request that the gateway forwards. */
const maxModelsLength = 4_000;

/** `gpt-4o`, `openai/*`, or `*`: a name, or the start of one and a star. */
const ModelPatternSchema = z
  .string()
  .regex(/^(?:\*|[A-Za-z0-9](?!.*\.\.)[\w.:/@-]{0,126}\*?)$/, 'must be a model, or its beginning and a *')
  .describe('A model, or the beginning of its name and a *');

/** Spelled exactly as browsers send it, since the edge compares texts. */
const OriginSchema = z
  .string()
  .max(256)
  .refine(isOrigin, 'must be an exact origin such as https://game.example')
  .describe('An exact origin, such as https://game.example');

const IpRangeSchema = z
  .union([z.ipv4(), z.cidrv4(), z.ipv6(), z.cidrv6()], 'must be an address or a CIDR range')
  .refine((text) => !isMapped(text), 'must be written as IPv4')
  .describe('An address, or a range in CIDR notation');

export const AllowedModelsSchema = z
  .array(ModelPatternSchema)
  .max(maxEntries)
  .refine((models) => models.join('').length <= maxModelsLength, `may have ${maxModelsLength} characters together`);
export const AllowedOriginsSchema = z.array(OriginSchema).max(maxEntries);
export const AllowedIpsSchema = z.array(IpRangeSchema).max(maxEntries);

function isOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** `::ffff:1.2.3.4` in any spelling. Some read it as IPv4 and some do not, and a restriction must have one meaning. */
function isMapped(text: string): boolean {
  const url = `http://[${text.split('/')[0] ?? ''}]/`;
  return URL.canParse(url) && /^\[::ffff:[0-9a-f]+:[0-9a-f]+\]$/.test(new URL(url).hostname);
}
