import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../../ops/repository.ts';
import { run } from '../../ops/run.ts';

const wrangler = async (...args: string[]) =>
  await run({
    argv: [process.execPath, 'node_modules/wrangler/bin/wrangler.js', ...args],
    cwd: repositoryRoot,
    env: { WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' },
  });

describe('the environments of wrangler.toml', () => {
  it.each(['dev', 'staging', 'production'])('%s deploys without a warning', async (environment) => {
    const { code, stdout, stderr } = await wrangler('deploy', '--env', environment, '--dry-run');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).not.toMatch(/warning|▲/i);
    expect(stdout).toContain('--dry-run: exiting now.');
  });

  it('are what the types of the bindings were made from', async () => {
    const { code, stdout, stderr } = await wrangler(
      'types',
      '--check',
      '--include-runtime=false',
      '--strict-vars=false',
      'edge-gateway/worker-configuration.d.ts',
    );
    expect(`${code} ${stdout} ${stderr}`).toMatch(/^0 /);
  });
});
