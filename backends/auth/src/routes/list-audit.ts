import type { Hono } from 'hono';
import { listAudit as contract, type AuditEntryAnswer } from '#shared/contracts/auth-audit.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { readAudit, type AuditReader, type AuditRecord } from '../audit/audit-log.ts';

export function listAuditRoute(app: Hono<ServiceEnv>, reader: AuditReader): void {
  mount(app, contract, async ({ c, query }) => {
    const { items, next } = await readAudit(reader, userOf(c), query);
    return c.json({ entries: items.map(describeRecord), next });
  });
}

function describeRecord({ at, userId, actor, requestId, ...same }: AuditRecord): AuditEntryAnswer {
  return {
    ...same,
    at: at.toISOString(),
    user_id: userId,
    actor: { user_id: actor.userId, key_id: actor.keyId, session_id: actor.sessionId },
    request_id: requestId,
  };
}
