import type { Logger } from '#shared/log.ts';
import { createFileSender, createMissingSender } from './file-sender.ts';
import type { EmailSender } from './mailer.ts';
import { createSmtpSender } from './smtp-sender.ts';

export type MailConfig = {
  ENVIRONMENT: string;
  SMTP_URL?: string | undefined;
  MAIL_FROM: string;
  MAIL_DIRECTORY?: string | undefined;
};

/** How mails leave here: through a mail server, else into files, else not at all. */
export function senderFor({ ENVIRONMENT, SMTP_URL, MAIL_FROM, MAIL_DIRECTORY }: MailConfig, log: Logger): EmailSender {
  if (SMTP_URL !== undefined) return createSmtpSender({ url: SMTP_URL, from: MAIL_FROM });
  const directory = MAIL_DIRECTORY ?? (ENVIRONMENT === 'local' ? '.gaia/mail' : undefined);
  return directory === undefined ? createMissingSender(log) : createFileSender(directory, log);
}
