import { AppError } from '#shared/http/error.ts';
import type { JsonObject } from '#shared/json.ts';
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

/** Refuses what could not be charged. Counting tokens is free, however it is asked for. */
export function refuseUnpriced(protocol: Protocol, body: JsonObject): void {
  if (protocol === 'count-tokens') return;
  for (const [name, values] of Object.entries(priced)) {
    const value = body[name];
    if (value === undefined || value === null || values.has(value)) continue;
    const what = typeof value === 'string' ? JSON.stringify(value.slice(0, 64)) : 'this';
    const message = `${what} is not offered here: its price is not known`;
    throw new AppError('validation_failed', `${name}: ${message}`, { errors: [{ path: name, message }] });
  }
}
