import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '#shared/id.ts';
import type { Logger } from '#shared/log.ts';
import type { Email, EmailSender } from './mailer.ts';

/** For development: every mail becomes a file that only its owner may read, and a log line that names the file. */
export function createFileSender(directory: string, log: Logger): EmailSender {
  return {
    send: async (email) => {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const path = join(directory, `${new Date().toISOString().replaceAll(/[:.]/g, '-')}-${newId('mail')}.txt`);
      await writeFile(path, textOf(email), { flag: 'wx', mode: 0o600 });
      log.info('a mail was written to a file', { path });
    },
  };
}

/** Where no way to send mail is configured. It is said out loud, so that nobody wonders where the mails are. */
export function createMissingSender(log: Logger): EmailSender {
  return {
    send: async () => log.warn('a mail was not sent: no mail server is configured'),
  };
}

function textOf({ to, subject, text }: Email): string {
  return `To: ${to}\nSubject: ${subject}\n\n${text}`;
}
