/** What a person or a platform sends to end us. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type StopSignals = {
  signal: AbortSignal;
  asked: Promise<null>;
  /** Says which process groups a second signal kills before we exit. */
  killOnSecond: (groups: () => number[]) => void;
};

/** npm passes a Ctrl-C on that the terminal has sent us already: two signals this close to each other are one. */
const sameMs = 500;

/** The first signal asks for an orderly stop; the second, of somebody who lost patience, ends everything hard. */
export function listenForStop(): StopSignals {
  const controller = new AbortController();
  const asked = Promise.withResolvers<null>();
  let groups: () => number[] = () => [];
  let askedAt = Infinity;
  const ask = (why: string): void => {
    askedAt = Math.min(askedAt, performance.now());
    controller.abort(new Error(`stopped by ${why}`));
    asked.resolve(null);
  };
  for (const signal of stopSignals) {
    process.on(signal, () => {
      if (performance.now() - askedAt > sameMs) {
        groups().forEach(killGroup);
        process.exit(130);
      }
      ask(signal);
    });
  }
  if (isRunByNpm()) stopWithParent(() => ask('the end of npm'));
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

/** npm itself ends with SIGHUP without a word to us, and nobody would know that we are still here. */
function stopWithParent(stop: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    stop();
  }, 500);
  timer.unref();
}

function isRunByNpm(): boolean {
  return process.env['npm_lifecycle_script']?.includes('ops/gaia.js') ?? false;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself in the meantime.
  }
}
