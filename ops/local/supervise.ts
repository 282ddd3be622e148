import { OpsError } from '../command.ts';
import { start, type Running } from '../run.ts';
import type { ServicePlan, StackService } from './stack-plan.ts';

export type SuperviseHooks = {
  onLine: (service: StackService, line: string) => void;
  /** A process that was ready ended although nobody asked it to. */
  onDeath: (service: StackService, how: string) => void;
  onStarted: (service: StackService, pid: number) => Promise<void>;
  onEnded: (service: StackService, pid: number) => Promise<void>;
};

/** One service of the stack: at most one process at a time, which ends only as its owner says. */
export type Supervised = {
  name: StackService;
  /** Resolves when the process says that it listens; rejects when it ends before that, or takes too long. */
  start: () => Promise<void>;
  /** Gracefully, and the whole process group. Nothing happens when it does not run. */
  stop: () => Promise<void>;
  /** With SIGKILL, as a crash would; nobody is told. */
  kill: () => Promise<void>;
};

const readyMs = 30_000;
const graceMs = 8_000;
const tailLines = 12;

export function supervise(plan: ServicePlan, hooks: SuperviseHooks): Supervised {
  let current: { starting: Promise<Running>; expected: boolean } | null = null;

  const launch = async (): Promise<void> => {
    const life = { starting: start({ argv: plan.argv, env: plan.env, ipc: true }), expected: false };
    current = life;
    const process = await life.starting;
    const tail: string[] = [];
    process.onLine((line) => {
      tail.push(line);
      if (tail.length > tailLines) tail.shift();
      hooks.onLine(plan.name, line);
    });
    const ready = readiness(process, plan);
    const ended = process.exited.then(async ({ code, signal }) => {
      if (current === life) current = null;
      await hooks.onEnded(plan.name, process.pid);
      return signal ?? `exit code ${code ?? 'unknown'}`;
    });
    await hooks.onStarted(plan.name, process.pid);
    const how = await Promise.race([ready, ended]);
    if (how !== 'ready') throw failedStart(plan.name, how, tail);
    void ended.then((how) => {
      if (!life.expected) hooks.onDeath(plan.name, how);
    });
  };

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (current === null) return;
    current.expected = true;
    const process = await current.starting;
    await process.stop(signal, graceMs);
  };

  return { name: plan.name, start: launch, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
}

function readiness(process: Running, plan: ServicePlan): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(`no sign of life in ${readyMs / 1_000} s`), readyMs);
    timer.unref();
    process.onMessage((message) => {
      if (typeof message !== 'string' || !message.includes(plan.readyMessage)) return;
      clearTimeout(timer);
      resolve('ready');
    });
  });
}

function failedStart(service: StackService, how: string, tail: string[]): OpsError {
  const said = tail.length > 0 ? `; the last it said:\n${tail.map((line) => `  ${line}`).join('\n')}` : '.';
  return new OpsError(`${service} did not start (${how})${said}`);
}
