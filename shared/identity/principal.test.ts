import { describe, expect, it } from 'vitest';
import { isAllowed, scopes, type Principal, type Scope } from './principal.ts';

const user = (...held: Scope[]): Principal => ({ kind: 'user', userId: 'u', keyId: null, scopes: held, limits: {} });
const anonymous: Principal = { kind: 'anonymous' };
const gateway: Principal = { kind: 'gateway' };

describe('isAllowed', () => {
  it('grants a scope to who holds it and to admins, and to nobody else', () => {
    for (const scope of scopes) {
      expect(isAllowed(user(scope), scope)).toBe(true);
      expect(isAllowed(user('admin'), scope)).toBe(true);
      expect(isAllowed(user(...scopes.filter((other) => other !== scope && other !== 'admin')), scope)).toBe(false);
      expect(isAllowed(anonymous, scope)).toBe(false);
      expect(isAllowed(gateway, scope)).toBe(false);
    }
  });

  it('keeps internal routes to the gateway, admins included', () => {
    expect(isAllowed(gateway, 'internal')).toBe(true);
    expect(isAllowed(user('admin'), 'internal')).toBe(false);
    expect(isAllowed(anonymous, 'internal')).toBe(false);
  });

  it('asks no scope where any user will do', () => {
    expect(isAllowed(user(), 'authenticated')).toBe(true);
    expect(isAllowed(anonymous, 'authenticated')).toBe(false);
    expect(isAllowed(anonymous, 'public')).toBe(true);
  });
});
