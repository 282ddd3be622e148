import * as z from 'zod';
import { services } from '../identity/assertion.ts';

const id = z.string().min(1).max(200);
const microDollars = z.int().min(0);
const milliseconds = z.number().min(0);
const tokens = z.int().min(0);

const service = { service: z.enum([...services, 'gateway']), version: z.string() };
const key = { key_id: id, user_id: id };
const message = { message_id: id, conversation_id: id, user_id: id, provider: id, model: id };
const generation = { job_id: id, user_id: id };
/** A code of the error table or of a vendor, never a message: a message may quote what a user wrote. */
const code = z.string().max(100);

/**
 * NATS subject -> payload, for every event there is. Payloads carry ids and numbers, never a user's text and never a
 * secret: whoever shares the server may read them.
 */
export const events = {
  'gaia.service.ready': z.object({ ...service, commit: z.string(), contract: z.int() }),
  'gaia.service.health': z.object({ ...service, status: z.enum(['healthy', 'degraded', 'unhealthy']) }),
  'gaia.auth.key.created': z.object(key),
  'gaia.auth.key.revoked': z.object(key),
  'gaia.chat.message.started': z.object(message),
  'gaia.chat.message.completed': z.object({
    ...message,
    input_tokens: tokens,
    output_tokens: tokens,
    cost_micros: microDollars,
    duration_ms: milliseconds,
  }),
  'gaia.chat.message.failed': z.object({ ...message, code }),
  'gaia.asset.generation.started': z.object({ ...generation, category: id, provider: id }),
  'gaia.asset.generation.progress': z.object({ ...generation, percent: z.int().min(0).max(100) }),
  'gaia.asset.generation.completed': z.object({
    ...generation,
    asset_id: id,
    cost_micros: microDollars,
    duration_ms: milliseconds,
  }),
  'gaia.asset.generation.failed': z.object({ ...generation, code }),
} as const;

export type EventSubject = keyof typeof events;
export type EventPayload<Subject extends EventSubject> = z.output<(typeof events)[Subject]>;
