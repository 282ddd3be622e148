import { TrieRouter } from 'hono/router/trie-router';
import { expect, it } from 'vitest';
import { LiteralRouter } from './literal-router.ts';

it('finds what the router behind it finds, the second time, too', () => {
  const [ours, theirs] = [new LiteralRouter<string>(), new TrieRouter<string>()];
  const routes = [
    ['ALL', '*', 'frame'],
    ['GET', '/models', 'list'],
    ['POST', '/models/rank', 'rank'],
    ['GET', '/models/:id{.+}', 'one'],
    ['GET', '/models/rank', 'ranks'],
    ['GET', '/:anything', 'any'],
  ] as const;
  for (const [method, path, handler] of routes) for (const router of [ours, theirs]) router.add(method, path, handler);
  for (const method of ['GET', 'POST', 'DELETE']) {
    for (const path of ['/models', '/models/rank', '/models/a/b', '/other', '/', '/models/', '/models/:id{.+}', '*']) {
      for (let time = 1; time <= 2; time += 1) expect(ours.match(method, path)).toEqual(theirs.match(method, path));
    }
  }
});

it('knows routes that come after the first look', () => {
  const router = new LiteralRouter<string>();
  router.add('GET', '/a', 'first');
  expect(router.match('GET', '/a')[0]).toHaveLength(1);
  router.add('ALL', '*', 'second');
  expect(router.match('GET', '/a')[0]).toHaveLength(2);
});
