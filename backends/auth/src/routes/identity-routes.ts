import type { Hono } from 'hono';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Identity } from '../embedded-identity.ts';
import { changePasswordRoute } from './change-password.ts';
import { confirmEmailRoute } from './confirm-email.ts';
import { forgotPasswordRoute } from './forgot-password.ts';
import { getMeRoute } from './get-me.ts';
import { logInRoute } from './log-in.ts';
import { logOutRoute } from './log-out.ts';
import { refreshSessionRoute } from './refresh-session.ts';
import { registerRoute } from './register.ts';
import { resetPasswordRoute } from './reset-password.ts';
import { resendVerificationRoute } from './resend-verification.ts';
import { updateMeRoute } from './update-me.ts';
import { validateCredentialRoute } from './validate-credential.ts';

/** Accounts and their sessions. Comes before all other routes of users, because of first sight. */
export function identityRoutes(app: Hono<ServiceEnv>, identity: Identity): void {
  const { provider, accounts, credentials, exchanged, firstSight } = identity;
  if (firstSight) app.use(firstSight);
  registerRoute(app, provider);
  logInRoute(app, provider);
  refreshSessionRoute(app, provider);
  logOutRoute(app, provider, exchanged);
  confirmEmailRoute(app, provider);
  resendVerificationRoute(app, provider);
  forgotPasswordRoute(app, provider.passwords);
  resetPasswordRoute(app, provider.passwords);
  changePasswordRoute(app, provider.passwords);
  validateCredentialRoute(app, credentials);
  getMeRoute(app, accounts);
  updateMeRoute(app, accounts);
}
