import { services } from '#shared/identity/assertion.ts';
import { OpsError } from '../command.ts';
import { paint, viewLine } from './log-view.ts';
import { watchBackends } from './reload.ts';
import { startStack, type Stack, type StackEvents } from './stack.ts';
import { listenForStop } from './stop-signals.ts';
import { welcome } from './welcome.ts';

export type RunStackOptions = { directory: string; port: number; verbose: boolean; reload: boolean };

const databasePort = 54_320;

type Death = { name: string; how: string };

/** `start` and `dev`: the stack on this terminal, until a signal or a death ends it. Gives the exit code. */
export async function runStack({ directory, port, verbose, reload }: RunStackOptions): Promise<number> {
  const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
  const died = Promise.withResolvers<Death>();
  const interrupt = listenForStop();
  const events: StackEvents = {
    onClaim: interrupt.killOnSecond,
    onStep: (name, ms) => say(`${paint('✓', '32', colour)} ${name.padEnd(12)}${(ms / 1_000).toFixed(1)} s`),
    onProgress: (message) => say(`  ${message}`),
    onLine: (service, line) => {
      const view = viewLine(service, line, { verbose, colour });
      if (view !== null) say(view);
    },
    onDeath: (name, how) => {
      if (reload && isBackend(name)) say(`${name} ended (${how}); it starts again with the next change.`);
      else died.resolve({ name, how });
    },
  };
  let stack: Stack;
  try {
    stack = await startStack({ directory, port, databasePort, signal: interrupt.signal, events });
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    say('Stopped before it was ready.');
    return 0;
  }
  say(welcome({ url: stack.gatewayUrl, key: stack.key }));
  const watching = reload ? watchBackends(stack, say) : null;
  const death = await Promise.race([died.promise, interrupt.asked]);
  await watching?.close();
  say(death ? `${death.name} ended unexpectedly (${death.how}): stopping the rest.` : 'Stopping.');
  await stack.stop();
  if (death) throw new OpsError(`${death.name} ended unexpectedly (${death.how}); \`--verbose\` shows all it said.`);
  say('Stopped; nothing is left running.');
  return 0;
}

function isBackend(name: string): boolean {
  return services.some((service) => service === name);
}

function say(line: string): void {
  console.log(line);
}
