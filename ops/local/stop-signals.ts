/** What a person or a platform sends to end us. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type StopSignals = {
  signal: AbortSignal;
  asked: Promise<null>;
  /** Says which process groups a second signal kills before we exit. */
  killOnSecond: (groups: () => number[]) => void;
};

/** The first signal asks for an orderly stop; the second, of somebody who lost patience, ends everything hard. */
export function listenForStop(): StopSignals {
  const controller = new AbortController();
  const asked = Promise.withResolvers<null>();
  let groups: () => number[] = () => [];
  for (const signal of stopSignals) {
    process.on(signal, () => {
      if (controller.signal.aborted) {
        groups().forEach(killGroup);
        process.exit(130);
      }
      controller.abort(new Error(`stopped by ${signal}`));
      asked.resolve(null);
    });
  }
  // After SIGHUP the terminal is gone: what we still print must not end the stop half way.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  return {
    signal: controller.signal,
    asked: asked.promise,
    killOnSecond: (ours) => {
      groups = ours;
    },
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself in the meantime.
  }
}
