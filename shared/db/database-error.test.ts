import { DrizzleQueryError } from 'drizzle-orm/errors';
import { describe, expect, it } from 'vitest';
import { AppError } from '../http/error.ts';
import { translateDatabaseError, violatedConstraint } from './database-error.ts';

const failing = (code: string, extra: object = {}): Error =>
  new DrizzleQueryError('select $1', ['a secret'], Object.assign(new Error('driver text'), { code, ...extra }));

describe('translateDatabaseError', () => {
  it.each([
    ['23505', 'conflict'],
    ['23503', 'conflict'],
    ['22P02', 'invalid_request'],
    ['22P05', 'invalid_request'],
    ['22021', 'invalid_request'],
    ['40001', 'unavailable'],
    ['40P01', 'unavailable'],
    ['57014', 'unavailable'],
    ['57P01', 'unavailable'],
    ['08006', 'unavailable'],
    ['53300', 'unavailable'],
    ['28P01', 'unavailable'],
    ['ECONNREFUSED', 'unavailable'],
    ['ETIMEDOUT', 'unavailable'],
  ])('answers %s with %s', (code, expected) => {
    expect(translateDatabaseError(failing(code))).toMatchObject({ name: 'AppError', code: expected });
  });

  it.each([
    'timeout exceeded when trying to connect',
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'Query read timeout',
  ])('takes the pool’s "%s" as unavailable', (message) => {
    expect(translateDatabaseError(new Error(message))).toMatchObject({ code: 'unavailable', status: 503 });
  });

  it('leaves our own bugs a 500, with the statement and without its parameters', () => {
    const translated = translateDatabaseError(failing('42P01'));
    expect(translated).not.toBeInstanceOf(AppError);
    expect(translated).toMatchObject({ message: 'Query failed: select $1' });
    expect(String(translated)).not.toContain('a secret');
  });

  it('never shows the driver’s words or the parameters to a caller', () => {
    const translated = translateDatabaseError(failing('23505'));
    expect(String(translated)).not.toMatch(/driver text|a secret/);
    expect(translated).not.toHaveProperty('cause.params');
  });

  it('hands on what did not come from the database', () => {
    const own = new AppError('not_found', 'nothing here');
    expect(translateDatabaseError(own)).toBe(own);
    const bug = new TypeError('x is not a function');
    expect(translateDatabaseError(bug)).toBe(bug);
  });

  it('tells which constraint was violated', () => {
    expect(violatedConstraint(translateDatabaseError(failing('23505', { constraint: 'users_email_key' })))).toBe(
      'users_email_key',
    );
    expect(violatedConstraint(new Error('other'))).toBeNull();
  });
});
