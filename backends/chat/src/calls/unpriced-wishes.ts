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

/** A vendor bills what such a tool makes by itself, and beside the usage that it reports: an image costs many answers. */
const unpricedTools: ReadonlySet<unknown> = new Set(['image_generation']);

/** Refuses what could not be charged. Counting tokens is free, however it is asked for. */
export function refuseUnpriced(protocol: Protocol, body: JsonObject): void {
  if (protocol === 'count-tokens') return;
  for (const [name, values] of Object.entries(priced)) {
    const value = body[name];
    if (value === undefined || value === null || values.has(value)) continue;
    throw unpriced(name, typeof value === 'string' ? JSON.stringify(value.slice(0, 64)) : 'this');
  }
  const tools: readonly unknown[] = Array.isArray(body['tools']) ? body['tools'] : [];
  const index = tools.findIndex((tool) => unpricedTools.has(memberOf(tool, 'type')));
  if (index !== -1) throw unpriced(`tools.${index}.type`, JSON.stringify(memberOf(tools[index], 'type')));
}

function unpriced(path: string, what: string): AppError {
  const message = `${what} is not offered here: its price is not known`;
  return new AppError('validation_failed', `${path}: ${message}`, { errors: [{ path, message }] });
}
