import { createExecutionContext, env as bindings } from 'cloudflare:test';
import { describe, expect, it, vi } from 'vitest';
import { contractVersion } from '#shared/contract-version.ts';
import { environment, signingKey } from './test-gateway.ts';

const request = new Request<unknown, IncomingRequestCfProperties>('http://gateway.test/version');

/** A fresh module each time: a Worker keeps its wired app for the life of the isolate. */
async function freshWorker() {
  vi.resetModules();
  return (await import('./worker.ts')).default;
}

describe('the Worker', () => {
  it('serves with a complete configuration', async () => {
    const worker = await freshWorker();
    const env = { ...bindings, ...environment, GATEWAY_SIGNING_KEY: JSON.stringify(await signingKey()) };
    const answer = await worker.fetch(request, env, createExecutionContext());
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      service: 'gateway',
      contract: contractVersion,
      deployment: bindings.CF_VERSION_METADATA.id,
    });
  });

  it('refuses everything while a secret is malformed, and names the variable without its value', async () => {
    const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    const worker = await freshWorker();
    const env = { ...bindings, ...environment, GATEWAY_SIGNING_KEY: '{"d":"hush"}' };
    const answer = await worker.fetch(request, env, createExecutionContext());
    expect(answer.status).toBe(503);
    expect(await answer.text()).not.toContain('GATEWAY_SIGNING_KEY');
    const log = printed.mock.calls.flat().join('\n');
    expect(log).toContain('GATEWAY_SIGNING_KEY');
    expect(log).not.toContain('hush');
    printed.mockRestore();
  });
});
