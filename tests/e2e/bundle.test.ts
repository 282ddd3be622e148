import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleGateway } from '../../ops/local/workerd.ts';
import { repositoryRoot } from '../../ops/repository.ts';

const maxBytes = 60 * 1024;

describe("the gateway's bundle, as it is deployed", () => {
  let bundle: string;
  beforeAll(async () => {
    await bundleGateway();
    bundle = await readFile(join(repositoryRoot, 'dist/gateway/worker.js'), 'utf8');
  });

  it('weighs at most 60 KiB compressed', () => {
    expect(gzipSync(bundle).length).toBeLessThanOrEqual(maxBytes);
  });

  it('needs nothing of Node', () => {
    expect(bundle).not.toMatch(/(?:from|import|require\()\s*["']node:/);
  });
});
