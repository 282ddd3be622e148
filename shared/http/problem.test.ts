import { describe, expect, it } from 'vitest';
import { AppError, errorTable } from './error.ts';
import { renderProblem } from './problem.ts';

const context = { path: '/v1/models', requestId: 'req_1' };

describe('renderProblem', () => {
  it('renders an AppError as a problem that OpenAI SDKs can read too', () => {
    const rendered = renderProblem(
      new AppError('validation_failed', 'model: must be a string', {
        errors: [{ path: 'model', message: 'must be a string' }],
      }),
      context,
    );
    expect(rendered.status).toBe(422);
    expect(rendered.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(rendered.body)).toEqual({
      type: 'urn:gaia:error:validation_failed',
      title: 'Validation failed',
      status: 422,
      detail: 'model: must be a string',
      instance: '/v1/models',
      code: 'validation_failed',
      request_id: 'req_1',
      errors: [{ path: 'model', message: 'must be a string' }],
      error: {
        message: 'model: must be a string',
        type: 'invalid_request_error',
        code: 'validation_failed',
        param: 'model',
      },
    });
  });

  it.each(['/v1/models', '/v1/messages'])('repeats no credential that came as a path or a field at %s', (prefix) => {
    const secrets = [
      `gaia_live_${'a1B2'.repeat(3)}_${'a1B2'.repeat(9)}xy`,
      `sk-${'x9'.repeat(12)}`,
      `eyJ${'a'.repeat(30)}.eyJb.cC-_`,
    ];
    for (const secret of secrets) {
      const message = `Unrecognized key: "${secret}"`;
      const error = new AppError('validation_failed', `body: ${message}`, { errors: [{ path: secret, message }] });
      const { body } = renderProblem(error, { path: `${prefix}/${secret}`, requestId: 'req_1' });
      expect(body).not.toContain(secret.slice(-8));
      expect(body).toContain('Unrecognized key');
    }
    const named = renderProblem(new AppError('validation_failed', 'refresh_token: must be a string'), context);
    expect(named.body).toContain('refresh_token: must be a string');
  });

  it('shows nothing of what it does not know', () => {
    const rendered = renderProblem(new Error('password=hunter2 at 10.0.0.1'), context);
    expect(rendered.status).toBe(500);
    expect(rendered.body).not.toMatch(/hunter2|10\.0\.0\.1/);
  });

  it("speaks Anthropic's shape under /v1/messages and nowhere else", () => {
    const error = new AppError('unavailable', 'busy');
    expect(JSON.parse(renderProblem(error, { ...context, path: '/v1/messages/count_tokens' }).body)).toEqual({
      type: 'error',
      error: { type: 'overloaded_error', message: 'busy' },
      request_id: 'req_1',
    });
    expect(JSON.parse(renderProblem(error, { ...context, path: '/v1/messagesx' }).body)).toHaveProperty('code');
  });

  it('sends Retry-After with everything that can be tried again, and with nothing else', () => {
    for (const code of Object.keys(errorTable)) {
      if (!isCode(code)) continue;
      const { headers } = renderProblem(new AppError(code, 'x'), context);
      expect([code, headers['retry-after'] !== undefined]).toEqual([code, errorTable[code].retryable]);
    }
  });

  it('tells SDKs not to repeat what may have had an effect', () => {
    const { headers } = renderProblem(new AppError('upstream_failed', 'x', { sideEffectPossible: true }), context);
    expect(headers['x-should-retry']).toBe('false');
  });
});

function isCode(code: string): code is keyof typeof errorTable {
  return code in errorTable;
}
