import { watch } from 'node:fs';
import { join } from 'node:path';
import { services, type ServiceName } from '#shared/identity/assertion.ts';
import { repositoryRoot } from '../repository.ts';
import type { Stack } from './stack.ts';

const settleMs = 100;

/**
 * Restarts a backend when its sources change, and all of them when `shared/` does. Not `node --watch`: that puts a
 * process of its own between us and the backend, which neither passes on that we died nor stops it gracefully.
 */
export function watchBackends(
  stack: Pick<Stack, 'restart'>,
  say: (line: string) => void,
  root: string = repositoryRoot,
): { close: () => Promise<void> } {
  const changed = new Set<ServiceName>();
  let timer: NodeJS.Timeout | undefined;
  let restarting = Promise.resolve();

  const restart = async (): Promise<void> => {
    const names = [...changed];
    changed.clear();
    say(`${names.join(', ')}: changed, restarting`);
    const results = await Promise.allSettled(names.map((name) => stack.restart(name)));
    for (const result of results) {
      if (result.status === 'rejected') say(result.reason instanceof Error ? result.reason.message : 'did not start');
    }
    if (results.every(({ status }) => status === 'fulfilled')) say(`${names.join(', ')}: restarted`);
  };
  const onChange = (names: readonly ServiceName[]) => (_event: string, file: string | null) => {
    if (file === null || !/\.(?:ts|json)$/.test(file) || file.endsWith('.test.ts')) return;
    for (const name of names) changed.add(name);
    clearTimeout(timer);
    // An editor writes a file in several steps, and a git checkout many files.
    timer = setTimeout(() => void (restarting = restarting.then(restart)), settleMs);
  };
  const watchers = [
    watch(join(root, 'shared'), { recursive: true }, onChange(services)),
    ...services.map((name) => watch(join(root, 'backends', name, 'src'), { recursive: true }, onChange([name]))),
  ];
  return {
    close: async () => {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
      await restarting; // Or a backend could come up behind the back of whoever stops the stack next.
    },
  };
}
