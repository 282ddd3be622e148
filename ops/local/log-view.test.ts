import { expect, test } from 'vitest';
import { viewLine } from './log-view.ts';

const quiet = { verbose: false, colour: false };
const verbose = { verbose: true, colour: false };
const line = (level: string) => JSON.stringify({ time: 'now', level, service: 'chat', message: 'said', status: 503 });

test('shows warnings and errors of a service with their fields', () => {
  expect(viewLine('chat', line('warn'), quiet)).toBe('chat    warn  said status=503');
  expect(viewLine('chat', line('error'), quiet)).toContain('said');
});

test('shows information only when asked', () => {
  expect(viewLine('chat', line('info'), quiet)).toBeNull();
  expect(viewLine('chat', line('info'), verbose)).toBe('chat    info  said status=503');
});

test('shows what a crashing backend prints, which is not JSON', () => {
  expect(viewLine('auth', 'SyntaxError: Unexpected token', quiet)).toBe('auth    SyntaxError: Unexpected token');
});

test('hides what wrangler says for want of a network, even when all is shown, and keeps its errors', () => {
  expect(
    viewLine('gateway', '[wrangler:warn] Unable to fetch the `Request.cf` object! Falling back', verbose),
  ).toBeNull();
  expect(viewLine('gateway', 'Error: getaddrinfo ENOTFOUND workers.cloudflare.com', verbose)).toBeNull();
  expect(viewLine('gateway', '    at GetAddrInfoReqWrap.onlookupall (node:dns:123:26)', verbose)).toBeNull();
  expect(
    viewLine('gateway', '[wrangler:info] GET /v1/models/gaia_live_secret 404 Not Found (3ms)', verbose),
  ).toBeNull();
  expect(viewLine('gateway', '[wrangler:info] Ready on http://127.0.0.1:8666', verbose)).toContain('Ready');
  expect(viewLine('gateway', '⎔ Starting local server...', quiet)).toBeNull();
  expect(viewLine('gateway', '✘ [ERROR] Build failed with 1 error', quiet)).toContain('Build failed');
});
