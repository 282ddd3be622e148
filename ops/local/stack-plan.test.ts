import { expect, test } from 'vitest';
import { gatewayEnvFile, planBackends, planGateway, urlOf, type StackPorts } from './stack-plan.ts';

const ports: StackPorts = { auth: 1, chat: 2, asset: 3, gateway: 4, inspector: 5 };
const backends = {
  root: '/repo',
  ports,
  databaseUrl: 'postgres://postgres:hidden-password@127.0.0.1:9/gaia',
  natsUrl: 'disabled',
  publicKeys: '{"keys":[]}',
  tokenKeys: 'hidden-token-keys',
  mailDirectory: '/tmp/mail',
  extraEnv: { chat: { OPENAI_BASE_URL: 'http://127.0.0.1:7', DRAIN_SECONDS: '1' } },
};

test('runs the three backends from their sources, on ports of 127.0.0.1 only', () => {
  const plans = planBackends(backends);
  expect(plans.map(({ name, argv, port }) => [name, argv[1], port])).toEqual([
    ['auth', '/repo/backends/auth/src/main.ts', 1],
    ['chat', '/repo/backends/chat/src/main.ts', 2],
    ['asset', '/repo/backends/asset/src/main.ts', 3],
  ]);
  expect(plans.map(({ env }) => [env['HOST'], env['PORT']])).toEqual([
    ['127.0.0.1', '1'],
    ['127.0.0.1', '2'],
    ['127.0.0.1', '3'],
  ]);
});

test('gives a service its extra variables, which win, and no other service', () => {
  const [auth, chat] = planBackends(backends);
  expect(chat?.env).toMatchObject({ OPENAI_BASE_URL: 'http://127.0.0.1:7', DRAIN_SECONDS: '1' });
  expect(auth?.env).not.toHaveProperty('OPENAI_BASE_URL');
  expect(auth?.env['DRAIN_SECONDS']).toBe('5');
});

test('enables the local provider at chat alone', () => {
  expect(planBackends(backends).map(({ env }) => env['LOCAL_PROVIDER'])).toEqual([undefined, 'enabled', undefined]);
});

test('passes no secret on a command line', () => {
  const privateKey = '{"d":"hidden-private-key"}';
  const gateway = planGateway({
    root: '/repo',
    directory: '/state',
    ports,
    privateKey,
    envFile: '/state/e',
    extra: {},
  });
  const argv = [...planBackends(backends), gateway].flatMap((plan) => plan.argv).join(' ');
  expect(argv).not.toContain('hidden');
  expect(argv).toContain('--port=4');
  expect(argv).toContain('--env-file=/state/e');
});

test('tells the gateway where the backends are and what it signs with', () => {
  expect(gatewayEnvFile(ports, '{"d":"x"}').split('\n')).toEqual([
    'ENVIRONMENT=local',
    'LOG_LEVEL=info',
    'AUTH_SERVICE_URL=http://127.0.0.1:1',
    'CHAT_SERVICE_URL=http://127.0.0.1:2',
    'ASSET_SERVICE_URL=http://127.0.0.1:3',
    `GATEWAY_SIGNING_KEY='{"d":"x"}'`,
    '',
  ]);
  expect(urlOf('gateway', ports)).toBe('http://127.0.0.1:4');
});
