import { describe, expect, it } from 'vitest';
import { createLogger, mask } from './log.ts';

function logging(level: 'debug' | 'info' | 'warn' | 'error' = 'debug') {
  const lines: string[] = [];
  const now = () => new Date('2026-01-02T03:04:05Z');
  return { lines, log: createLogger({ service: 'chat', level, write: (line) => lines.push(line), now }) };
}

describe('the log', () => {
  it('writes one JSON object per line', () => {
    const { lines, log } = logging();
    log.info('request', { method: 'GET', status: 200 });
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      time: '2026-01-02T03:04:05.000Z',
      level: 'info',
      service: 'chat',
      message: 'request',
      method: 'GET',
      status: 200,
    });
  });

  it('drops fields that are not on the list, whatever they hold', () => {
    const { lines, log } = logging();
    const fields = { status: 200, authorization: 'Bearer x', body: 'hush', headers: { cookie: 'a' } };
    log.info('request', fields);
    expect(lines[0]).not.toMatch(/Bearer|hush|cookie/);
  });

  it('is silent below its level', () => {
    const { lines, log } = logging('warn');
    log.info('no');
    log.debug('no');
    log.error('yes');
    expect(lines).toHaveLength(1);
  });

  it('keeps causes of errors, without the secrets in their texts', () => {
    const { lines, log } = logging();
    const cause = new Error('connect postgresql://gaia:hunter2@db:5432/gaia failed');
    log.error('failed', { error: new Error('no database', { cause }) });
    expect(lines[0]).toContain('no database');
    expect(lines[0]).toContain('db:5432');
    expect(lines[0]).not.toContain('hunter2');
  });
});

describe('mask', () => {
  it.each([
    ['gaia_live_0123456789AB_abcdefghijklmnopqrstuvwxyz012345ABCDEF', 'abcdefghij'],
    ['Incorrect API key provided: sk-proj-abcdefghijklmnop', 'abcdefghij'],
    ['Authorization: Bearer abcdefghij.klmno', 'abcdefghij'],
    ['eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl', 'c2lnbmF0dXJl'],
    ['https://x/y?api_key=abcdefghij&z=1', 'abcdefghij'],
    ['{"password":"abcdefghij"}', 'abcdefghij'],
    ['connect to postgres://user:abcdefghij@host/db', 'abcdefghij'],
    ['gaia-production-0123abcd0123abcd0123abcd0123abcd', '0123abcd0123abcd'],
  ])('hides the secret in %s', (text, secret) => {
    expect(mask(text)).not.toContain(secret);
  });

  it.each([`key${'x'.repeat(60_000)}`, 'eyJ-'.repeat(30_000)])(
    'does not take long over what anyone may send',
    (text) => {
      const startedAt = performance.now();
      expect(mask(text)).toBe(text);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    },
  );

  it('leaves ordinary text alone', () => {
    const text = 'GET /v1/models took 12 ms for user 1b4e28ba-2fa1-11d2-883f-0016d3cca427';
    expect(mask(text)).toBe(text);
  });
});
