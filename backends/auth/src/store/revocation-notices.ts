import { createNotices } from '#shared/db/notices.ts';
import type { Logger } from '#shared/log.ts';
import type { RevocationNotices } from '../revocations/revocation-feed.ts';

/** Behind a pooler notices do not arrive; the feed's own poll does without. */
export function createRevocationNotices({ url, log }: { url: string; log: Logger }): RevocationNotices {
  return createNotices({ url, channel: 'gaia_revocations', log });
}
