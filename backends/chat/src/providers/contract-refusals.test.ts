import { afterEach, describe, expect, it } from 'vitest';
import {
  speaking,
  startUnderTest,
  streaming,
  visibleIn,
  type Spoken,
  type UnderTest,
  type UnderTestOptions,
} from '../../../../tests/support/providers-under-test.ts';
import type { VendorScript } from '../../../../tests/support/vendor-script.ts';

const open: UnderTest[] = [];
afterEach(async () => {
  for (const test of open.splice(0)) await test.close();
});

/** Of a shape that the mask of logs does not know. */
const secret = 'acme+key+0123456789';

async function start(spoken: Spoken, options?: UnderTestOptions): Promise<UnderTest> {
  const test = await startUnderTest(spoken, options);
  open.push(test);
  return test;
}

/** Time passes between the making of a date and the reading of it. */
function isAbout(expected: number): (seconds: unknown) => boolean {
  return (seconds) =>
    typeof seconds === 'number' && seconds <= expected && seconds >= expected - (expected > 100 ? 120 : 0);
}

/** What the provider makes of one answer of the vendor's, whole and streamed: the same. */
async function refusalOf(spoken: Spoken, script: VendorScript, options?: UnderTestOptions): Promise<unknown> {
  const { vendor, provider, call } = await start(spoken, options);
  vendor.next(script, script);
  const whole: unknown = await provider.complete(call()).catch((error: unknown) => error);
  const streamed: unknown = await provider.stream(call({ stream: true })).catch((error: unknown) => error);
  expect(codeOf(streamed)).toEqual(codeOf(whole));
  return whole;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? [error.code, error.message] : error;
}

function said(spoken: Spoken, fields: { message: string; type?: string; code?: string }): object {
  const { message, type = 'invalid_request_error', code } = fields;
  if (spoken.path.startsWith('/v1/messages'))
    return { type: 'error', error: { type, message, ...(code && { details: { error_code: code } }) } };
  return { error: { message, type, param: 'max_tokens', code: code ?? null } };
}

describe.each(speaking)('$name: a refusal', (spoken) => {
  it.each([
    [400, 'invalid_request'],
    [401, 'upstream_failed'],
    [402, 'upstream_failed'],
    [403, 'upstream_failed'],
    [404, 'invalid_request'],
    [408, 'upstream_timeout'],
    [409, 'upstream_failed'],
    [413, 'payload_too_large'],
    [422, 'invalid_request'],
    [429, 'rate_limited'],
    [500, 'upstream_failed'],
    [502, 'upstream_failed'],
    [503, 'unavailable'],
    [504, 'upstream_timeout'],
    [529, 'unavailable'],
  ])('of %i is %s, with the error of the vendor’s SDK as its cause', async (status, code) => {
    const error = await refusalOf(spoken, { status });
    expect(error).toMatchObject({ name: 'AppError', code, cause: { status } });
    expect(error instanceof Error && error.cause instanceof spoken.kind.sdkError).toBe(true);
    expect(error).not.toHaveProperty('options.sideEffectPossible', true);
  });

  it('about our key or our bill is marked as one that asking again cannot help, and no other is', async () => {
    for (const status of [401, 402, 403]) {
      expect(await refusalOf(spoken, { status })).toHaveProperty('options.isPermanent', true);
    }
    expect(await refusalOf(spoken, { status: 404, body: '' })).toHaveProperty('options.isPermanent', true);
    for (const status of [400, 408, 409, 429, 500, 502, 503, 529]) {
      expect(await refusalOf(spoken, { status })).not.toHaveProperty('options.isPermanent');
    }
  });

  it('about the request tells the caller what the vendor said, masked and bounded', async () => {
    const message = `max_tokens is too large, says Bearer abcdefghijkl ${'x'.repeat(5_000)}`;
    const error = await refusalOf(spoken, { status: 400, body: said(spoken, { message }) });
    expect(error).toHaveProperty('message', expect.stringMatching(/^max_tokens is too large, says Bearer … x+$/));
    expect(error).not.toHaveProperty('message', expect.stringMatching(/.{1001}/));
  });

  it('that quotes our key shows it nowhere, and about the key says nothing', async () => {
    for (const status of [400, 401, 403, 429, 500]) {
      const body = said(spoken, { message: `Incorrect key ${secret}`, type: secret, code: secret });
      const { vendor, provider, call } = await start(spoken, { apiKey: secret });
      vendor.refuseNobody();
      vendor.next({ status, body, headers: { 'x-echo': secret, 'set-cookie': `key=${secret}`, 'request-id': secret } });
      const error: unknown = await provider.complete(call()).catch((thrown: unknown) => thrown);
      expect(visibleIn(error)).not.toContain(secret);
      expect(error).toHaveProperty('cause.status', status);
      const isSaid = visibleIn(error).split('\n', 2)[1]?.includes('Incorrect');
      expect({ status, isSaid }).toEqual({ status, isSaid: status === 400 });
    }
  });

  it.each([
    ['retry-after', '7', 7],
    ['retry-after', '0.2', 1],
    ['retry-after', '99999', 3_600],
    ['retry-after', new Date(Date.now() + 1_800_000).toUTCString(), 1_800],
    ['retry-after', 'Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['retry-after-ms', '1500', 2],
  ])('with %s: %s is waited for accordingly', async (name, value, expected) => {
    for (const status of [429, 503, 529]) {
      const error = await refusalOf(spoken, { status, headers: { [name]: value } });
      expect(error).toHaveProperty('options.retryAfterSeconds', expect.toSatisfy(isAbout(expected)));
    }
  });

  it('without a time that means anything is waited for as we please', async () => {
    const error = await refusalOf(spoken, { status: 429, headers: { 'retry-after': 'soon' } });
    expect(error).not.toHaveProperty('options.retryAfterSeconds');
  });

  it.each([
    ['a page of HTML', { body: '<html>nginx</html>', headers: { 'content-type': 'text/html' } }],
    ['garbage', { body: '\u0000{' }],
    ['nothing', { body: '' }],
    ['numbers', { body: { error: 5, message: 7 } }],
    [
      'something in its headers that no header may hold',
      { body: '', headers: { 'x-request-id': 'Å¸ÿ', 'request-id': 'ÿ' } },
    ],
    ['100 kB', { body: { error: { message: 'x'.repeat(100_000) } } }],
  ])('that says %s is still translated', async (_name, script) => {
    const unavailable = await refusalOf(spoken, { ...script, status: 503 });
    expect(unavailable).toMatchObject({ code: 'unavailable' });
    expect(visibleIn(unavailable).length).toBeLessThan(5_000);
    const request = await refusalOf(spoken, { ...script, status: 400 });
    expect(request).toMatchObject({ code: 'invalid_request', message: 'The provider refused the request' });
    expect(await refusalOf(spoken, { ...script, status: 404 })).toMatchObject({ code: 'upstream_failed' });
  });

  it('may be compressed', async () => {
    const body = said(spoken, { message: 'too many tokens' });
    const error = await refusalOf(spoken, { status: 400, body, encoding: 'gzip' });
    expect(error).toMatchObject({ message: 'too many tokens' });
  });
});

describe.each(streaming)('$name: a refusal over money', (spoken) => {
  const isAnthropic = spoken.protocol === 'messages';
  const cases: [number, { message: string; type?: string; code?: string }][] = isAnthropic
    ? [
        [400, { message: 'Your credit balance is too low to access the Anthropic API.' }],
        [400, { message: 'You have reached your specified API usage limits. You will regain access on 2026-12-01.' }],
        [400, { message: 'no money', type: 'billing_error' }],
        [429, { message: 'no money', type: 'rate_limit_error', code: 'enforced_spend_limit_reached' }],
        [400, { message: 'on hold', code: 'organization_on_hold' }],
      ]
    : [
        [429, { message: 'You exceeded your current quota', type: 'insufficient_quota', code: 'insufficient_quota' }],
        [400, { message: 'Billing hard limit has been reached', code: 'billing_hard_limit_reached' }],
      ];

  it.each(cases)('of %i, %o, is no limit of the caller and tells nothing of our account', async (status, fields) => {
    const error = await refusalOf(spoken, { status, body: said(spoken, fields) });
    expect(error).toMatchObject({ code: 'upstream_failed', message: 'The provider failed to answer' });
    expect(error).toHaveProperty('cause.message', expect.stringContaining(fields.message));
    expect(error).toHaveProperty('options.isPermanent', true);
  });
});
