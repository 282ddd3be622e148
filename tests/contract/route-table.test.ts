import { describe, expect, it } from 'vitest';
import { allContracts } from '#shared/contracts/registry.ts';
import { createUpstreams, routes } from '../../edge-gateway/src/upstreams/table.ts';

const upstreams = createUpstreams({
  AUTH_SERVICE_URL: 'http://auth',
  CHAT_SERVICE_URL: 'http://chat',
  ASSET_SERVICE_URL: 'http://asset',
});
const forwarded = allContracts.filter(({ service, access }) => service !== 'gateway' && access !== 'internal');
const spelled = forwarded.flatMap((contract) =>
  contract.paths.map((path) => ({ contract, path: path.replaceAll(/\{\w+\+?\}/g, 'some-id') })),
);

describe("the gateway's table of upstreams", () => {
  it.each(spelled)('sends $contract.method $path to the backend that serves it', ({ contract, path }) => {
    expect(upstreams.find(contract.method.toUpperCase(), path)?.service).toBe(contract.service);
  });

  it('opens exactly the routes whose contracts are public', () => {
    const open = routes.flatMap((row) => row.open ?? []);
    const publicRoutes = spelled
      .filter(({ contract }) => contract.access === 'public')
      .map(({ contract, path }) => `${contract.method.toUpperCase()} ${path}`);
    expect(new Set(open)).toEqual(new Set(publicRoutes));
    for (const route of open) {
      const [method = '', path = ''] = route.split(' ');
      expect(upstreams.find(method, path)?.open).toBe(true);
    }
  });

  it.each(spelled.filter(({ contract }) => contract.body.maxBytes > 0))(
    'lets every body pass that $contract.method $path takes',
    ({ contract, path }) => {
      const upstream = upstreams.find(contract.method.toUpperCase(), path);
      expect(upstream?.maxBodyBytes).toBeGreaterThanOrEqual(contract.body.maxBytes);
    },
  );

  it('leads nowhere near the operations between our own services', () => {
    for (const { method, paths } of allContracts.filter(({ access }) => access === 'internal')) {
      for (const path of paths) expect(upstreams.find(method.toUpperCase(), path)).toBeNull();
    }
  });
});

describe('the contracts', () => {
  it('name every operation and every path once', () => {
    const operations = allContracts.map(({ operation }) => operation);
    const paths = allContracts.flatMap(({ method, paths: own }) => own.map((path) => `${method} ${path}`));
    expect(new Set(operations).size).toBe(operations.length);
    expect(new Set(paths).size).toBe(paths.length);
  });

  it('ask for no body where the method has none', () => {
    const bodiless = allContracts.filter(({ method }) => method === 'get' || method === 'delete');
    expect(bodiless.filter(({ body }) => body.maxBytes > 0)).toEqual([]);
  });
});
