import { describe, expect, it } from 'vitest';
import { createTestIdentity } from '../../../../tests/support/assertions.ts';
import { ConfigSchema } from '../config.ts';

const { publicKeys } = await createTestIdentity();
const environment = {
  ENVIRONMENT: 'local',
  DATABASE_URL: 'postgres://localhost/gaia',
  GATEWAY_PUBLIC_KEYS: JSON.stringify(publicKeys),
};
const project = { SUPABASE_URL: 'https://project.supabase.test' };
const wrong = (more: object): string[] =>
  (ConfigSchema.safeParse({ ...environment, ...more }).error?.issues ?? []).map(({ path }) => path.join('.'));

describe('the configuration of Supabase', () => {
  it('may be missing, or has both its address and its public key', () => {
    expect(wrong({})).toEqual([]);
    expect(wrong({ ...project, SUPABASE_ANON_KEY: 'anon' })).toEqual([]);
    expect(wrong(project)).toEqual(['SUPABASE_ANON_KEY']);
  });

  it('refuses a secret that is too short to be one, and addresses that are none', () => {
    expect(wrong({ SUPABASE_JWT_SECRET: 'short' })).toEqual(['SUPABASE_JWT_SECRET']);
    expect(wrong({ SUPABASE_URL: 'ftp://project', SUPABASE_ANON_KEY: 'anon' })).toEqual(['SUPABASE_URL']);
  });
});
