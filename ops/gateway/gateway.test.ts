import { describe, expect, it } from 'vitest';
import { ConfigError } from '#shared/config.ts';
import { readGatewayOptions } from '../commands/gateway.ts';
import { generateSigningKeys } from '../local/signing-key.ts';
import { planGatewayProcesses } from './plan.ts';
import { gatewaySettings, settingNames } from './settings.ts';

const { privateKey } = await generateSigningKeys();
const settings = {
  ENVIRONMENT: 'local',
  AUTH_SERVICE_URL: 'http://auth.test',
  ASSET_SERVICE_URL: 'http://asset.test',
  CHAT_SERVICE_URL: 'http://chat.test',
  GATEWAY_SIGNING_KEY: privateKey,
};

describe('the settings of a gateway on this machine', () => {
  it('come from the environment, then from the file', () => {
    const found = gatewaySettings({ ENVIRONMENT: 'staging', LOG_LEVEL: '' }, { ...settings, LOG_LEVEL: 'warn' });
    expect(found).toMatchObject({ ENVIRONMENT: 'staging', LOG_LEVEL: 'warn', CHAT_SERVICE_URL: 'http://chat.test' });
  });

  it('hold every variable the gateway knows, and none of the others around us', () => {
    const found = gatewaySettings({ HOME: '/root', AWS_SECRET: 'x' }, settings);
    expect(Object.keys(found)).toEqual(settingNames);
  });

  it('refuse to start by naming what is missing or malformed, and never its value', () => {
    const start = (): unknown =>
      gatewaySettings({}, { ...settings, CHAT_SERVICE_URL: 'ftp://nonsense', GATEWAY_SIGNING_KEY: '' });
    expect(start).toThrow(ConfigError);
    expect(start).toThrow(/CHAT_SERVICE_URL[^]*GATEWAY_SIGNING_KEY/);
    expect(start).not.toThrow(/nonsense/);
  });
});

describe('the processes of a gateway on this machine', () => {
  const inputs = { workerd: '/bin/workerd', configurations: '/app/edge-gateway', directory: '/run/gaia', settings };

  it('are a limiter on a private socket, and servers on an inherited one that know where it is', () => {
    const plan = planGatewayProcesses({ ...inputs, leash: [] });
    expect(plan.limiter.argv).toEqual([
      '/bin/workerd',
      'serve',
      '/app/edge-gateway/workerd-limiter.capnp',
      '--control-fd=1',
      '--socket-addr=http=unix:/run/gaia/limiter.sock',
      '--directory-path=disk=/run/gaia/limits',
    ]);
    expect(plan.gateway.argv).toEqual([
      '/bin/workerd',
      'serve',
      '/app/edge-gateway/workerd.capnp',
      '--control-fd=1',
      '--socket-fd=http=3',
      '--external-addr=limiter=unix:/run/gaia/limiter.sock',
    ]);
  });

  it('get secrets by environment, never on a command line', () => {
    const plan = planGatewayProcesses({ ...inputs, leash: [] });
    expect(plan.gateway.env).toEqual(settings);
    expect(JSON.stringify([plan.gateway.argv, plan.limiter])).not.toContain(privateKey);
  });

  it('are put on a leash where the system has one', () => {
    const { gateway, limiter } = planGatewayProcesses({
      ...inputs,
      leash: ['setpriv', '--pdeathsig', 'SIGKILL', '--'],
    });
    for (const { argv } of [gateway, limiter])
      expect(argv.slice(0, 5).join(' ')).toBe('setpriv --pdeathsig SIGKILL -- /bin/workerd');
  });
});

describe('the options of `npm run gateway`', () => {
  it('take the port from the command line, then from PORT, then 8666', () => {
    expect(readGatewayOptions(['--port', '0'], { PORT: '9000' }).port).toBe(0);
    expect(readGatewayOptions([], { PORT: '9000' }).port).toBe(9000);
    expect(readGatewayOptions([], {})).toMatchObject({ port: 8666, host: '127.0.0.1', drainMs: 30_000 });
  });

  it.each(['0', '-1', 'many', '1.5'])('refuse %s processes', (processes) => {
    expect(() => readGatewayOptions([`--processes=${processes}`], {})).toThrow('--processes must be a number');
  });
});
