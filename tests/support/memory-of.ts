import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import * as z from 'zod';

const Memory = z.object({ rss: z.number(), heapUsed: z.number(), external: z.number() });

/** In bytes, without garbage. */
export type Memory = { resident: number; live: number };

/** What a process needs in its environment so that `memoryOf` can ask it. */
export function memoryProbe(socket: string): Record<string, string> {
  const probe = pathToFileURL(join(import.meta.dirname, 'memory-probe.ts')).href;
  return { NODE_OPTIONS: `--import=${probe}`, MEMORY_PROBE: socket };
}

/** Makes it collect its garbage first: how much of that lies about depends on the moment, and says nothing. */
export async function memoryOf(socket: string): Promise<Memory> {
  const { rss, heapUsed, external } = Memory.parse(JSON.parse(await text(connect(socket))));
  return { resident: rss, live: heapUsed + external };
}
