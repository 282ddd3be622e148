import type { Email } from './mailer.ts';

/** To somebody who registered an address that is free. The fragment of a link is never sent to a server, or logged. */
export function confirmationMail(to: string, token: string, confirmUrl: string | null): Email {
  const fragment = new URLSearchParams({ token, email: to }).toString();
  const link = confirmUrl === null ? '' : `Open this link to confirm it:\n\n${confirmUrl}#${fragment}\n\n`;
  return {
    to,
    subject: 'Confirm your address',
    text: `Somebody, hopefully you, registered this address with Gaia.

${link}Your code, good for 24 hours:

${token}

If that was not you, do nothing: nobody can use your address without this code.
`,
  };
}

/** To the owner of an address that was registered again. Has no code: there is nothing to confirm. */
export function addressTakenMail(to: string): Email {
  return {
    to,
    subject: 'You already have an account',
    text: `Somebody, hopefully you, tried to register this address with Gaia, but it has an account already.

Log in with the password that you chose then. If that was not you, do nothing: your account has not changed.
`,
  };
}
