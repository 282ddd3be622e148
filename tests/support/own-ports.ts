import { isPortFree } from '../../ops/local/ports.ts';

/** Below the ports that systems give to whoever asks for any, so that nobody is given one of these meanwhile. */
const first = 10_000;
const each = 100;
const processes = 220;

let next = 0;

/** Free ports of a range that is this process's own: each may be bound later, and again after a crash. */
export async function ownPorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries += 1) {
    if (tries === each) throw new Error(`no ${count} ports are free from ${base()} on`);
    const port = base() + (next % each);
    next += 1;
    if (await isPortFree(port)) ports.push(port);
  }
  return ports;
}

/** Workers that run at the same time have process ids that are near each other. */
function base(): number {
  return first + (process.pid % processes) * each;
}
