import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLogger } from '#shared/log.ts';
import { addressTakenMail, confirmationMail } from './account-mails.ts';
import { createMailer } from './mailer.ts';
import { senderFor } from './sender-for.ts';

const code = 'a1B2c3D4'.repeat(4);
const mail = confirmationMail('a+b@example.org', code, 'https://app.example/confirm');

describe('the development sender', () => {
  it('writes a mail to a file of its owner, and logs where it is and not what it says', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'gaia-mail-'));
    const lines: string[] = [];
    const log = logInto(lines);
    const MAIL_DIRECTORY = join(directory, 'mail');
    const mailer = createMailer(senderFor({ ENVIRONMENT: 'dev', MAIL_FROM: 'x', MAIL_DIRECTORY }, log), log);
    mailer.send(mail);
    await mailer.settled();
    const [name = ''] = await readdir(MAIL_DIRECTORY);
    const path = join(MAIL_DIRECTORY, name);
    expect(await readFile(path, 'utf8')).toContain(`\n${code}\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(lines.join('\n')).toContain(name);
    expect(lines.join('\n')).not.toContain(code);
    await rm(directory, { recursive: true });
  });

  it('is there locally only: elsewhere a mail without a server is lost out loud', async () => {
    const lines: string[] = [];
    await senderFor({ ENVIRONMENT: 'production', MAIL_FROM: 'x' }, logInto(lines)).send(mail);
    expect(lines.join('\n')).toContain('no mail server is configured');
    expect(lines.join('\n')).not.toContain(code);
  });
});

describe('the mailer', () => {
  it('logs that a mail failed, without repeating any of it, and goes on', async () => {
    const lines: string[] = [];
    const failing = { send: async () => await Promise.reject(new Error(`refused: ${mail.text}`)) };
    const mailer = createMailer(failing, logInto(lines));
    mailer.send(mail);
    await mailer.settled();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('a mail could not be sent');
    expect(lines[0]).not.toContain(code);
  });
});

describe('the mails', () => {
  it('carry the code where no server sees it: in the fragment of the link', () => {
    expect(mail.text).toContain(`https://app.example/confirm#token=${code}&email=a%2Bb%40example.org`);
    expect(confirmationMail('a@example.org', code, null).text).not.toContain('http');
    expect(addressTakenMail('a@example.org').text).not.toMatch(/http|code/);
  });
});

function logInto(lines: string[]) {
  return createLogger({ service: 'auth', level: 'debug', write: (line) => void lines.push(line) });
}
