import type { Logger } from '#shared/log.ts';

export type Email = { to: string; subject: string; text: string };

/** Hands a mail to whatever delivers it. Rejects when it was not taken. */
export type EmailSender = { send: (email: Email) => Promise<void> };

export type Mailer = {
  /** Returns at once: no answer may depend, in content or time, on whether a mail goes out. */
  send: (email: Email) => void;
  /** Resolves when everything under way has been delivered or given up. */
  settled: () => Promise<void>;
};

const maxPending = 1_000;

/** Sends beside the requests. A mail that was lost is asked for again with resend-verification. */
export function createMailer(sender: EmailSender, log: Logger): Mailer {
  const pending = new Set<Promise<void>>();
  return {
    send: (email) => {
      if (pending.size >= maxPending) {
        log.error('a mail was dropped: too many are waiting', { count: pending.size });
        return;
      }
      const delivery = sender
        .send(email)
        .catch((error: unknown) => log.error('a mail could not be sent', { error: withoutText(error) }))
        .finally(() => pending.delete(delivery));
      pending.add(delivery);
    },
    settled: async () => {
      await Promise.all(pending);
    },
  };
}

/** A sender's error may repeat the mail, and with it the code in it. */
function withoutText(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? `${error.name} ${error.code}` : error.name;
}
