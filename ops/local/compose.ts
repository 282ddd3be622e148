import { OpsError } from '../command.ts';
import { repositoryRoot } from '../repository.ts';
import { run, runAttached, type Finished } from '../run.ts';

export type Compose = {
  /** On our own terminal, because it takes long and shows its progress. Rejects when it fails. */
  attached: (...args: string[]) => Promise<void>;
  /** Quietly, for its output. */
  quiet: (...args: string[]) => Promise<Finished>;
};

/** `docker compose` on this repository's file, under a project name and an env file of its own. */
export function createCompose(project: string, envFile: string): Compose {
  const base = ['docker', 'compose', '--project-name', project, '--env-file', envFile, '--profile', 'gateway'] as const;
  return {
    attached: async (...args) => {
      const code = await runAttached({ argv: [...base, ...args], cwd: repositoryRoot });
      if (code !== 0)
        throw new OpsError(`\`docker compose ${args.join(' ')}\` failed with ${code}; its output is above.`);
    },
    quiet: (...args) => run({ argv: [...base, ...args], cwd: repositoryRoot }),
  };
}

/** Fails with what to do when there is no engine that answers. */
export async function requireDocker(): Promise<void> {
  const found = await run({ argv: ['docker', 'compose', 'version'] }).catch(() => null);
  if (!found || found.code !== 0) throw new OpsError('`docker compose` is not installed: see docs.docker.com/compose.');
  const engine = await run({ argv: ['docker', 'info', '--format', '{{.ServerVersion}}'] });
  if (engine.code !== 0) throw new OpsError('The Docker engine does not answer: start it, then try again.');
}

/** Bytes that an image adds to the one it was built from. */
export async function addedBytes(image: string, base: string): Promise<number> {
  const { stdout } = await run({ argv: ['docker', 'image', 'inspect', '--format', '{{.Size}}', image, base] });
  const [own = NaN, under = NaN] = stdout.trim().split('\n').map(Number);
  return own - under;
}
