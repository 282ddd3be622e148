import * as z from 'zod';
import { CpuProfileSchema, type CpuProfile } from './self-times.ts';

export type Inspector = {
  startProfile: () => Promise<void>;
  stopProfile: () => Promise<CpuProfile>;
  /** The value of an expression over there, as JSON can say it. */
  evaluate: (expression: string) => Promise<unknown>;
  close: () => void;
};

const samplingMicroseconds = 200;

/** Talks in Chrome's protocol to workerd's inspector (`--inspector-addr`), or to Node's after SIGUSR1. */
export async function connectInspector(port: number): Promise<Inspector> {
  const list = Targets.parse(await (await fetch(`http://127.0.0.1:${port}/json/list`)).json());
  const target = list[0];
  if (!target) throw new Error('there is nothing to inspect');
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () => reject(new Error('the inspector refused the connection')));
  });
  const waiting = new Map<number, (answer: z.infer<typeof Answer>) => void>();
  socket.addEventListener('message', ({ data }) => {
    const answer = Answer.parse(JSON.parse(String(data)));
    if (answer.id !== undefined) waiting.get(answer.id)?.(answer);
  });
  let lastId = 0;
  const call = async (method: string, params: object = {}): Promise<unknown> => {
    const id = ++lastId;
    const answered = new Promise<z.infer<typeof Answer>>((resolve) => waiting.set(id, resolve));
    socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await answered;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  };
  return {
    startProfile: async () => {
      await call('Profiler.enable');
      await call('Profiler.setSamplingInterval', { interval: samplingMicroseconds });
      await call('Profiler.start');
    },
    stopProfile: async () => Stopped.parse(await call('Profiler.stop')).profile,
    evaluate: async (expression) =>
      Evaluated.parse(await call('Runtime.evaluate', { expression, returnByValue: true })).result.value,
    close: () => socket.close(),
  };
}

const Targets = z.array(z.looseObject({ webSocketDebuggerUrl: z.string() }));
const Answer = z.looseObject({
  id: z.number().optional(),
  result: z.unknown().optional(),
  error: z.looseObject({ message: z.string() }).optional(),
});
const Evaluated = z.object({ result: z.looseObject({ value: z.optional(z.unknown()) }) });
const Stopped = z.object({ profile: CpuProfileSchema });
