import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../../ops/run.ts';

const from = (file: string): string => JSON.stringify(join(import.meta.dirname, file));

/** In a process of its own: what was loaded before decides. */
const lateAnswer = `
import { Hono } from 'hono';
import { serve } from ${from('serve.ts')};
const silent = () => undefined;
const app = new Hono();
const log = { debug: silent, info: silent, warn: silent, error: silent };
const server = await serve({ app, host: '127.0.0.1', port: 0, log });
const { sendBytes } = await import(${from('direct-answer.ts')});
app.use(async (c, next) => {
  c.set('requestId', 'req_test');
  await next();
});
app.get('/', (c) => sendBytes(c, Buffer.from('{}'), 'application/json'));
const answer = await fetch('http://127.0.0.1:' + server.port);
console.log(answer.status, await answer.text());
await server.close(0);
`;

it('an answer past Hono is sent once, whatever was imported first', async () => {
  const argv = [process.execPath, '--input-type=module', '--eval', lateAnswer] as const;
  const { code, stdout, stderr } = await run({ argv, cwd: import.meta.dirname });
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '200 {}\n', stderr: '' });
});
