import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { bundleGateway } from '../../ops/local/workerd.ts';
import { bundleIn } from './run-folder.ts';

/** Puts the gateway, bundled as for a deployment, into this folder. The first who asks in a run has it made. */
export async function copyGatewayBundle(directory: string): Promise<void> {
  const bundle = bundleIn(inject('runFolder'));
  if (!existsSync(bundle)) await make(bundle);
  await copyFile(join(bundle, 'worker.js'), join(directory, 'worker.js'));
}

/** Under another name until it is complete. When two make it at once, that of the first stays. */
async function make(bundle: string): Promise<void> {
  const unfinished = await mkdtemp(`${bundle}-`);
  await bundleGateway({ directory: unfinished });
  await rename(unfinished, bundle).catch(async (error: unknown) => {
    await rm(unfinished, { recursive: true });
    if (!existsSync(bundle)) throw error;
  });
}
