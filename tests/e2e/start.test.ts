import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { startTimeOf } from '../../ops/local/process-identity.ts';
import { repositoryRoot } from '../../ops/repository.ts';
import { run, start, type Running } from '../../ops/run.ts';

const cli = join(repositoryRoot, 'ops/gaia.js');
const RunRecord = z.object({ children: z.array(z.object({ name: z.string(), pid: z.number() })) });

/** A start costs seconds: all share a folder, and whoever needs one that runs takes what the test before it left. */
let directory: string;
let running: Running | null;
let lines: Lines;

beforeAll(async () => await newDirectory());
afterAll(async () => await removeDirectory());

describe('start', () => {
  test('serves a streamed completion with the printed key, and Ctrl-C leaves nothing behind', async () => {
    const { url, key } = await up();

    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'local/echo', stream: true, messages: [{ role: 'user', content: 'Hello, Gaia' }] }),
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const text = await answer.text();
    expect(text).toMatch(/data: \[DONE\]\n\n$/);
    expect(text).not.toContain('"error"');

    const pids = await recordedPids();
    expect(pids.length).toBeGreaterThanOrEqual(5);
    expect(await endBy('SIGINT')).toEqual({ code: 0, signal: null });
    expect(await stillAlive(pids)).toEqual([]);
    await expect(readFile(join(directory, 'run.json'))).rejects.toThrow('ENOENT');
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });

  test('keeps its key over restarts, as a file that only its owner reads', async () => {
    const before = await readFile(join(directory, 'dev-key'), 'utf8');
    const again = await up();
    expect(again.key).toBe(before.trim());
    expect((await whoAmI(again)).status).toBe(200);
    expect((await stat(join(directory, 'dev-key'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, 'gateway-signing-key.json'))).mode & 0o777).toBe(0o600);
    expect(await endBy('SIGHUP')).toEqual({ code: 0, signal: null });
  });

  test('refuses a second start of the same directory in one sentence and leaves the first alone', async () => {
    const first = await up();
    const { code, stderr } = await gaia(['start', '--port', '0', '--directory', directory]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Gaia already runs from this directory \(process \d+\): stop that one first[^\n]*\n$/);
    expect((await whoAmI(first)).status).toBe(200);
  });

  test('starts again after a SIGKILL, without what that left behind', async () => {
    await up();
    const orphans = await recordedPids();
    await endBy('SIGKILL');
    const next = await up();
    expect(await stillAlive(orphans)).toEqual([]);
    expect((await whoAmI(next)).status).toBe(200);
  });

  test.each(['chat', 'postgres'])('says that %s died, stops the others and exits with 1', async (name) => {
    await up();
    const pids = await recordedPids();
    const exited = running?.exited;
    process.kill(await pidOf(name), 'SIGKILL');
    expect(await exited).toEqual({ code: 1, signal: null });
    expect(lines.all.join('\n')).toContain(`${name} ended unexpectedly (SIGKILL)`);
    expect(await stillAlive(pids)).toEqual([]);
  });
});

describe('start that cannot', () => {
  beforeEach(async () => {
    await removeDirectory();
    await newDirectory();
  });

  test('says in one sentence that the port is taken, and starts nothing', async () => {
    const { server, port } = await occupiedPort();
    const { code, stdout, stderr } = await gaia(['start', '--port', String(port), '--directory', directory]);
    server.close();
    expect(code).toBe(1);
    expect(stderr).toBe(
      `Port ${port} is taken: stop what listens there, or choose another with \`npm start -- --port N\`.\n`,
    );
    expect(stdout).toBe('');
    await expect(stat(join(directory, 'postgres'))).rejects.toThrow('ENOENT');
  });

  test('says in one sentence why Postgres cannot start, and leaves nothing running', async () => {
    await mkdir(join(directory, 'postgres/data'), { recursive: true, mode: 0o700 });
    await writeFile(join(directory, 'postgres/data/PG_VERSION'), '12\n');
    await writeFile(join(directory, 'postgres/password'), 'unused');
    const { exited } = await launch();
    expect(await exited).toEqual({ code: 1, signal: null });
    const said = lines.all.filter((line) => /Postgres/.test(line) && !line.startsWith(' '));
    expect(said).toHaveLength(1);
    expect(lines.all.join('\n')).not.toMatch(/^\s+at /m);
    await expect(readFile(join(directory, 'run.json'))).rejects.toThrow('ENOENT');
  });

  test('asks for npm ci where the dependencies are missing', async () => {
    await cp(cli, join(directory, 'ops/gaia.js'));
    await writeFile(join(directory, 'package.json'), '{"type":"module"}');
    const { code, stdout, stderr } = await run({ argv: [systemNode(), join(directory, 'ops/gaia.js'), 'start'] });
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: 'The dependencies are not installed: run `npm ci` first.\n',
    });
  });
});

type Started = { url: string; key: string };
type Lines = { all: string[]; until: (pattern: RegExp) => Promise<string> };

async function newDirectory(): Promise<void> {
  directory = await mkdtemp(join(tmpdir(), 'gaia-start-'));
  running = null;
}

async function removeDirectory(): Promise<void> {
  await running?.stop('SIGTERM');
  await rm(directory, { recursive: true, force: true });
}

async function launch(): Promise<Running> {
  const launched = await start({ argv: [process.execPath, cli, 'start', '--port', '0', '--directory', directory] });
  running = launched;
  void launched.exited.then(() => {
    if (running === launched) running = null;
  });
  lines = collectLines(launched);
  return launched;
}

/** What runs, started if nothing does. */
async function up(): Promise<Started> {
  if (running === null) await launch();
  const key = await lines.until(/^ {2}Key {2}(\S+)$/);
  const url = await lines.until(/^ {2}URL {2}(\S+)$/);
  await lines.until(/^(Ctrl-C stops everything\.)$/);
  return { url, key };
}

/** Waits for output; a process that ends without it fails the test with what it did say. */
function collectLines(process: Running): Lines {
  const all: string[] = [];
  const waiting = new Set<() => void>();
  process.onLine((line) => {
    all.push(line);
    for (const look of waiting) look();
  });
  const until = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = all.map((line) => pattern.exec(line)?.[1]).find((text) => text !== undefined);
        if (found !== undefined) resolve(found);
      };
      waiting.add(look);
      look();
      void process.exited.then(() => reject(new Error(`ended without ${pattern}; it said:\n${all.join('\n')}`)));
    });
  return { all, until };
}

/** Signals the CLI alone, as a terminal or a platform would. */
async function endBy(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  if (running === null) throw new Error('nothing runs');
  const { pid, exited } = running;
  process.kill(pid, signal);
  return await exited;
}

async function whoAmI({ url, key }: Started): Promise<Response> {
  return await fetch(`${url}/v1/models`, { headers: { 'x-api-key': key } });
}

async function recorded(): Promise<{ name: string; pid: number }[]> {
  return RunRecord.parse(JSON.parse(await readFile(join(directory, 'run.json'), 'utf8'))).children;
}

async function recordedPids(): Promise<number[]> {
  return (await recorded()).map(({ pid }) => pid);
}

async function pidOf(name: string): Promise<number> {
  const child = (await recorded()).find((child) => child.name === name);
  if (!child) throw new Error(`${name} is not recorded`);
  return child.pid;
}

async function stillAlive(pids: number[]): Promise<number[]> {
  const alive = await Promise.all(pids.map(async (pid) => ((await startTimeOf(pid)) === null ? [] : [pid])));
  return alive.flat();
}

async function gaia(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return await run({ argv: [process.execPath, cli, ...args] });
}

/** The Node that a shell without our PATH would find, which may be an old one: the message has to come all the same. */
function systemNode(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  return folders.map((folder) => join(folder, 'node')).find((path) => existsSync(path)) ?? process.execPath;
}

async function occupiedPort(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return { server, port: address.port };
}
