import { createTransport } from 'nodemailer';
import type { EmailSender } from './mailer.ts';

export type SmtpOptions = {
  /** `smtp://` (with STARTTLS where the server has it) or `smtps://`, user and password included. */
  url: string;
  /** Sender of all mails: `Gaia <no-reply@example.com>`. */
  from: string;
};

const timeoutMs = 15_000;

/** Sends through a mail server, one connection a mail: mails are rare. Every wait is bounded. */
export function createSmtpSender({ url, from }: SmtpOptions): EmailSender {
  const transport = createTransport({
    url,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    // Mails are made of our own text only: nothing may make the mailer read a file or fetch a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    send: async ({ to, subject, text }) => {
      // As an object, because in a text a comma would make two recipients of one address.
      await transport.sendMail({ from, to: { name: '', address: to }, subject, text });
    },
  };
}
