import type { Result, Router } from 'hono/router';
import { TrieRouter } from 'hono/router/trie-router';

/**
 * Hono's router for routes of every kind takes a path apart segment by segment, which costs as much as validating a
 * small body. Whoever asks for a route that is written without parameters gets the same handlers every time, so those
 * are looked up once. Holds an entry for each such path and method of HTTP, whatever clients ask for.
 */
export class LiteralRouter<T> implements Router<T> {
  readonly name = 'LiteralRouter';
  readonly #routes = new TrieRouter<T>();
  readonly #known = new Map<string, Map<string, Result<T>>>();

  add(method: string, path: string, handler: T): void {
    this.#routes.add(method, path, handler);
    if (!/[:*]/.test(path)) this.#known.set(path, new Map());
    for (const byMethod of this.#known.values()) byMethod.clear();
  }

  match(method: string, path: string): Result<T> {
    const byMethod = this.#known.get(path);
    if (!byMethod) return this.#routes.match(method, path);
    const known = byMethod.get(method);
    if (known) return known;
    const found = this.#routes.match(method, path);
    byMethod.set(method, found);
    return found;
  }
}
