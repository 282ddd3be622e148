import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTimeOf } from '../../ops/local/process-identity.ts';
import { repositoryRoot } from '../../ops/repository.ts';
import { run, start, type Command, type Running } from '../../ops/run.ts';
import { settingsBefore } from '../support/gateway-settings.ts';

const byNode = [process.execPath, join(repositoryRoot, 'ops/gaia.js'), 'gateway', '--no-build', '--port=0'] as const;
const byNpm = ['npm', 'run', 'gateway', '--', '--no-build', '--port=0'] as const;

let folder: string;
let taken: Server;
let settings: string;
/** vitest.config.ts has put one into our environment, which would win. */
const noKey = { GATEWAY_SIGNING_KEY: '' };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gaia-gateway-command-'));
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const url = 'http://127.0.0.1:9';
  settings = await settingsFile('settings', await settingsBefore(url));
});

afterAll(async () => {
  taken.close();
  await rm(folder, { recursive: true, force: true });
});

describe('npm run gateway', () => {
  it('says in one sentence that the port is taken, and fails', async () => {
    const address = taken.address();
    if (address === null || typeof address === 'string') throw new Error('no TCP address');
    const { code, stderr } = await gateway([...byNode, '--port', String(address.port), '--settings', settings]);
    // On a fresh checkout there is no bundle to serve yet.
    expect(stderr.replace('Bundling the gateway.\n', '').trim()).toMatch(/^Port \d+ is taken: [^\n]*$/);
    expect(code).toBe(1);
  });

  it('refuses to start without its variables, and names them', async () => {
    const file = await settingsFile('incomplete', { LOG_LEVEL: 'loud' });
    const { code, stdout, stderr } = await gateway([...byNode, '--settings', file]);
    expect(code).toBe(1);
    for (const name of ['LOG_LEVEL', 'CHAT_SERVICE_URL', 'GATEWAY_SIGNING_KEY'])
      expect(stderr).toContain(`  ${name}: `);
    expect(stdout).toBe('');
    expect(stderr).not.toMatch(/loud|\n {4}at /);
  });

  it('says in one sentence that there is no such file', async () => {
    const missing = join(folder, 'missing.env');
    for (const argv of [
      [...byNode, '--settings', missing] as const,
      ['npm', '--silent', ...byNpm.slice(1), '--env-file', missing] as const,
    ]) {
      const { code, stderr } = await gateway(argv);
      expect(stderr).toBe(`There is no file ${missing}, which --settings names.\n`);
      expect(code).toBe(1);
    }
  });

  it('says in one sentence that a file cannot be read', async () => {
    const { code, stderr } = await gateway([...byNode, '--settings', folder]);
    expect(stderr).toBe(`${folder} cannot be read (EISDIR).\n`);
    expect(code).toBe(1);
  });

  it('leaves no folder behind a second signal, and takes away that of a run that was killed', async () => {
    const TMPDIR = join(folder, 'tmp');
    await mkdir(TMPDIR);
    const killed = await gatewayThatListens([...byNode, '--settings', settings], { TMPDIR });
    process.kill(killed.process.pid, 'SIGKILL');
    await killed.process.stop('SIGKILL');
    expect(await readdir(TMPDIR)).toHaveLength(1);
    const next = await gatewayThatListens([...byNode, '--settings', settings], { TMPDIR });
    const names = await readdir(TMPDIR);
    expect(names).toHaveLength(1);
    process.kill(next.pids[0] ?? NaN, 'SIGSTOP'); // So that it does not stop by itself.
    process.kill(next.process.pid, 'SIGTERM');
    await expect.poll(() => next.lines.join('\n')).toContain('Stopping;');
    await sleep(600);
    process.kill(next.process.pid, 'SIGTERM');
    expect(await next.process.exited).toEqual({ code: 130, signal: null });
    expect(await readdir(TMPDIR)).toEqual([]);
    // Nobody may have waited for the dead yet, who still have a pid then.
    await expect.poll(() => Promise.all(next.pids.map(startTimeOf))).toEqual([null, null]);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with %s, exit code 0 and nothing left behind', async (signal) => {
    const up = await gatewayThatListens([...byNode, '--settings', settings]);
    await up.process.stop(signal);
    expect(await up.process.exited).toEqual({ code: 0, signal: null });
    expect(up.lines.at(-1)).toBe('Stopped; nothing is left running.');
    expect(up.pids.filter(isAlive)).toEqual([]);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends when npm alone gets %s', async (signal) => {
    const up = await gatewayThatListens([...byNpm, '--settings', settings]);
    process.kill(up.process.pid, signal);
    await expect.poll(() => up.lines, { timeout: 10_000 }).toContain('Stopped; nothing is left running.');
    await up.process.exited;
    expect(up.pids.filter(isAlive)).toEqual([]);
  });

  it('takes a Ctrl-C that comes from the terminal and again from npm as one', async () => {
    const up = await gatewayThatListens([...byNpm, '--settings', settings]);
    await up.process.stop('SIGINT');
    expect(up.lines).toContain('Stopped; nothing is left running.');
    expect(up.pids.filter(isAlive)).toEqual([]);
  });
});

describe('npm run gateway that bundles', () => {
  it.runIf(process.platform === 'linux').each([
    ['SIGTERM', ['Bundling the gateway.', 'Stopped before it was ready.']],
    ['SIGKILL', ['Bundling the gateway.']],
  ] as const)('opens no port and leaves no wrangler when it gets %s', async (signal, said) => {
    const [node, gaia] = byNode;
    const argv = [node, gaia, 'gateway', '--port=0', '--settings', settings] as const;
    const bundling = await start({ argv, cwd: repositoryRoot, env: noKey });
    const lines: string[] = [];
    bundling.onLine((line) => lines.push(line));
    const children = await vi.waitUntil(() => childrenOf(bundling.pid), { timeout: 10_000 });
    await sleep(300); // Now it is at work.
    process.kill(bundling.pid, signal);
    await bundling.exited;
    await expect.poll(() => Promise.all(children.map(startTimeOf)), { timeout: 5_000 }).toEqual([null]);
    expect(lines).toEqual(said);
  });
});

type Up = { process: Running; lines: string[]; pids: number[] };

async function gatewayThatListens(argv: Command['argv'], env: Record<string, string> = {}): Promise<Up> {
  const process = await start({ argv: [...argv, '--processes=2'], cwd: repositoryRoot, env: { ...noKey, ...env } });
  const lines: string[] = [];
  const line = await new Promise<string>((resolve, reject) => {
    process.onLine((line) => {
      lines.push(line);
      if (line.startsWith('The gateway listens')) resolve(line);
    });
    void process.exited.then(() => reject(new Error(`ended before it listened:\n${lines.join('\n')}`)));
  });
  const pids = Array.from((/processes: ([\d, ]+)/.exec(line)?.[1] ?? '').matchAll(/\d+/g), ([pid]) => Number(pid));
  expect(pids).toHaveLength(2);
  expect(pids.every(isAlive)).toBe(true);
  return { process, lines, pids };
}

async function gateway(argv: Command['argv']): Promise<{ code: number; stdout: string; stderr: string }> {
  return await run({ argv, cwd: repositoryRoot, env: noKey });
}

async function settingsFile(name: string, values: Record<string, string>): Promise<string> {
  const path = join(folder, `${name}.env`);
  const lines = Object.entries(values).map(([name, value]) => `${name}='${value}'\n`);
  await writeFile(path, lines.join(''));
  return path;
}

/** Null while there are none. */
async function childrenOf(pid: number): Promise<number[] | null> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text === '' ? null : text.trim().split(' ').map(Number);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
