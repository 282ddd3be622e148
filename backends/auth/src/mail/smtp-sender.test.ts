import { SMTPServer } from 'smtp-server';
import { afterEach, describe, expect, it } from 'vitest';
import { createSmtpSender } from './smtp-sender.ts';

type Received = { from: string; to: string[]; message: string };

let server: SMTPServer | undefined;
afterEach(async () => {
  await new Promise<void>((resolve) => (server ? server.close(resolve) : resolve()));
});

describe('the SMTP sender', () => {
  it('delivers a mail to a real server, from the configured sender and to nobody else', async () => {
    const { url, received } = await mailServer();
    await createSmtpSender({ url, from: 'Gaia <no-reply@gaia.test>' }).send({
      to: 'somebody@gaia.test',
      subject: 'Confirm your address',
      text: 'Your code: 4711',
    });
    const mail = await received;
    expect(mail).toMatchObject({ from: 'no-reply@gaia.test', to: ['somebody@gaia.test'] });
    expect(mail.message).toContain('Subject: Confirm your address');
    expect(mail.message).toContain('Your code: 4711');
  });

  it('lets nothing in a mail add a header or a recipient', async () => {
    const { url, received } = await mailServer();
    const sender = createSmtpSender({ url, from: 'no-reply@gaia.test' });
    const two = sender.send({ to: 'a@gaia.test, b@evil.test', subject: 's', text: 't' });
    await expect(two).rejects.toThrow(/recipient/i);
    await sender.send({ to: 'a@gaia.test', subject: 'x\r\nBcc: c@evil.test', text: 'y' });
    const { to, message } = await received;
    expect(to).toEqual(['a@gaia.test']);
    expect(message).not.toMatch(/^Bcc:/im);
  });

  it('rejects when the server does not take the mail', async () => {
    const { url } = await mailServer({ refuse: true });
    const sending = createSmtpSender({ url, from: 'no-reply@gaia.test' }).send({
      to: 'a@gaia.test',
      subject: 's',
      text: 't',
    });
    await expect(sending).rejects.toThrow(/550/);
  });
});

/** A real SMTP server on a free port that gives the first mail it gets. */
async function mailServer({ refuse = false } = {}): Promise<{ url: string; received: Promise<Received> }> {
  const { promise: received, resolve } = Promise.withResolvers<Received>();
  server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: (_address, _session, callback) =>
      callback(refuse ? Object.assign(new Error('no such user'), { responseCode: 550 }) : null),
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        resolve({
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          message: Buffer.concat(chunks).toString('utf8'),
        });
        callback();
      });
    },
  });
  const listening = server.listen(0, '127.0.0.1');
  await new Promise<void>((ready) => listening.once('listening', ready));
  const address = listening.address();
  if (address === null || typeof address === 'string') throw new Error('the mail server has no port');
  return { url: `smtp://127.0.0.1:${address.port}`, received };
}
