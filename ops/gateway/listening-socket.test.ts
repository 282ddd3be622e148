import { expect, it } from 'vitest';
import { claimPort } from './listening-socket.ts';

const host = '127.0.0.1';

it.runIf(process.platform === 'linux')('a claimed port is that of nobody else until it is given up', async () => {
  const claim = await claimPort({ host, port: 0 });
  const { port } = claim;
  await expect(claimPort({ host, port })).rejects.toThrow(`Port ${port} is taken`);
  await claim[Symbol.asyncDispose]();
  await using again = await claimPort({ host, port });
  expect(again.port).toBe(port);
});

it.runIf(process.platform === 'linux')('of two that claim a port at the same moment, one gets it', async () => {
  const { port } = await (async () => {
    await using free = await claimPort({ host, port: 0 });
    return { port: free.port };
  })();
  const claims = await Promise.allSettled([claimPort({ host, port }), claimPort({ host, port })]);
  expect(claims.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  for (const claim of claims) if (claim.status === 'fulfilled') await claim.value[Symbol.asyncDispose]();
});
