import { AppError } from '#shared/http/error.ts';
import { memberOf, type JsonObject } from '#shared/json.ts';
import type { Protocol } from '../protocols/protocol.ts';

/**
 * The values of fields that make an answer dearer than the catalogue says, or let the vendor choose another model, which
 * then nobody has allowed and nobody has priced. Whatever is not named here is refused.
 */
const priced: Readonly<Record<string, ReadonlySet<unknown>>> = {
  service_tier: new Set(['auto', 'default', 'standard', 'standard_only', 'on_demand', 'flex']),
  speed: new Set(['standard']),
  inference_geo: new Set(['global']),
  fallbacks: new Set(),
  models: new Set(),
};

const pricedFields = Object.entries(priced);

/** Tools that run at a vendor, who bills their use beside the tokens that it reports: a search costs many answers. */
export const billedTools = [
  'code_execution',
  'code_interpreter',
  'file_search',
  'image_generation',
  'shell',
  'web_search',
] as const;

export type BilledTool = (typeof billedTools)[number];

const noTools: ReadonlySet<BilledTool> = new Set();

/**
 * Refuses what could not be charged, but for tools whose fees the operator pays. Counting tokens is free, however it is
 * asked for.
 */
export function refuseUnpriced(protocol: Protocol, body: JsonObject, unbilled = noTools): void {
  if (protocol === 'count-tokens') return;
  for (const [name, values] of pricedFields) {
    const value = body[name];
    if (value === undefined || value === null || values.has(value)) continue;
    throw unpriced(name, typeof value === 'string' ? JSON.stringify(value.slice(0, 64)) : 'this');
  }
  for (const { path, tool } of toolsIn(body)) if (!unbilled.has(tool)) throw unpriced(path, JSON.stringify(tool));
}

function toolsIn(body: JsonObject): { path: string; tool: BilledTool }[] {
  const tools: readonly unknown[] = Array.isArray(body['tools']) ? body['tools'] : [];
  const found = tools.flatMap((offered, index) => {
    const tool = billedTool(memberOf(offered, 'type'));
    return tool ? [{ path: `tools.${index}.type`, tool }] : [];
  });
  const searches = body['web_search_options'] ?? null;
  return searches === null ? found : [...found, { path: 'web_search_options', tool: 'web_search' }];
}

/** The same tool has other names as long as it is a preview, and in every dated version. */
function billedTool(type: unknown): BilledTool | undefined {
  if (typeof type !== 'string') return undefined;
  const name = type.replace(/(?:_preview)?(?:_\d[\d_]*)?$/, '');
  return billedTools.find((tool) => tool === name);
}

function unpriced(path: string, what: string): AppError {
  const message = `${what} is not offered here: its price is not known`;
  return new AppError('validation_failed', `${path}: ${message}`, { errors: [{ path, message }] });
}
