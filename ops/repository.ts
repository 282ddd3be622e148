import { join } from 'node:path';

/** The root of this checkout, whatever directory a command was called from. */
export const repositoryRoot = join(import.meta.dirname, '..');

/** Where local state lives: databases, keys, the record of a running stack. Ignored by git. */
export const localDirectory = join(repositoryRoot, '.gaia');

/** A program of the installed dependencies, by its absolute path. */
export function installedProgram(name: string): string {
  return join(repositoryRoot, 'node_modules', '.bin', name);
}
