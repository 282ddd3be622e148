import { createTransport } from 'nodemailer';
import type { EmailSender } from './mailer.ts';

export type SmtpOptions = {
  /** `smtp://` (with STARTTLS where the server has it) or `smtps://`, user and password included. */
  url: string;
  /** Sender of all mails: `Gaia <no-reply@example.com>`. */
  from: string;
};

const timeoutMs = 15_000;

/** Sends through a mail server over a few kept connections; every wait is bounded. */
export function createSmtpSender({ url, from }: SmtpOptions): EmailSender {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: 4,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    // Mails are made of our own text only: nothing may make the mailer read a file or fetch a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    send: async (email) => {
      await transport.sendMail({ ...email, from });
    },
  };
}
