import type { Email } from './mailer.ts';

/** To the owner of an address. The fragment of a link is never sent to a server, or logged. */
export function resetMail(to: string, token: string, resetUrl: string | null): Email {
  return {
    to,
    subject: 'Set a new password',
    text: `Somebody, hopefully you, forgot the password of this address at Gaia.

${linkTo(resetUrl, token, to)}Your code, good for one hour:

${token}

If that was not you, do nothing: nobody can change your password without this code.
`,
  };
}

/** To somebody for whom an administrator made an account. */
export function invitationMail(to: string, token: string, resetUrl: string | null): Email {
  return {
    to,
    subject: 'You have an account',
    text: `An administrator of Gaia made an account for this address. It has no password yet.

${linkTo(resetUrl, token, to)}Your code to choose one, good for seven days:

${token}

Afterwards, or when it is too late, ask for another as if you had forgotten your password.
`,
  };
}

/** To somebody who registered this address, and never confirmed it. Has no code: there is no account to set one for. */
export function noAccountMail(to: string): Email {
  return {
    to,
    subject: 'There is no account yet',
    text: `Somebody, hopefully you, forgot the password of this address at Gaia. The address was registered, but never confirmed.

Register it again, with a new password, and confirm it with the code that comes. If that was not you, do nothing.
`,
  };
}

export function passwordChangedMail(to: string): Email {
  return {
    to,
    subject: 'Your password was changed',
    text: `The password of your account at Gaia was changed just now, and all earlier sessions have ended. Your API keys go on.

If that was not you, set a new password at once, as if you had forgotten it.
`,
  };
}

function linkTo(url: string | null, token: string, to: string): string {
  if (url === null) return '';
  return `Open this link to choose one:\n\n${url}#${new URLSearchParams({ token, email: to }).toString()}\n\n`;
}
