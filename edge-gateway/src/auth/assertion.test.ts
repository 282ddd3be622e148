import { expect, it, vi } from 'vitest';
import type { AssertionSigner } from '#shared/identity/assertion-sign.ts';
import { aUser } from '../test-gateway.ts';
import { createAssertions } from './assertion.ts';

it('is signed once in half a minute per principal and backend, and never shared between two principals', async () => {
  let at = 0;
  const sign = vi.fn<AssertionSigner>(async ({ kind }, audience) => `${kind} for ${audience} at ${at}`);
  const assertions = createAssertions(sign, () => at);
  const { principal } = aUser;
  await assertions(principal, 'chat');
  at = 29_999;
  expect(await assertions(principal, 'chat')).toBe('user for chat at 0');
  expect(await assertions(principal, 'asset')).toBe('user for asset at 29999');
  expect(await assertions(principal, 'chat')).toBe('user for chat at 0');
  expect(sign).toHaveBeenCalledTimes(2);
  await assertions({ ...principal }, 'chat');
  expect(sign).toHaveBeenCalledTimes(3);
  at = 30_000;
  expect(await assertions(principal, 'chat')).toBe('user for chat at 30000');
});
