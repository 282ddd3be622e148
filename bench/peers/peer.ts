import type { Leg } from '../load.ts';

/** Something else that can stand between a client and the vendor, to compare with. */
export type Peer = { leg: Leg; pid: number; stop: () => Promise<void> };

/** Null with a sentence: it cannot run here. */
export type StartPeer = (vendorUrl: string, directory: string) => Promise<Peer | { skipped: string }>;

/** Waits until something answers there, whatever it answers. */
export async function untilAnswering(url: string, exited: Promise<unknown>): Promise<void> {
  const gone = new AbortController();
  void exited.then(() => gone.abort());
  const deadline = AbortSignal.any([gone.signal, AbortSignal.timeout(20_000)]);
  while (!deadline.aborted) {
    const answered = await fetch(url, { signal: deadline }).then(
      async (answer) => {
        await answer.body?.cancel();
        return true;
      },
      () => false,
    );
    if (answered) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  throw new Error(`nothing answers at ${url}`);
}
