import type { Logger } from '#shared/log.ts';
import { createFileSender, createMissingSender } from './file-sender.ts';
import type { EmailSender } from './mailer.ts';

export type MailConfig = { ENVIRONMENT: string; MAIL_DIRECTORY?: string | undefined };

/** How mails leave here. */
export function senderFor({ ENVIRONMENT, MAIL_DIRECTORY }: MailConfig, log: Logger): EmailSender {
  const directory = MAIL_DIRECTORY ?? (ENVIRONMENT === 'local' ? '.gaia/mail' : undefined);
  return directory === undefined ? createMissingSender(log) : createFileSender(directory, log);
}
