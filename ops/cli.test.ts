import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { main } from './cli.ts';
import { readStackOptions } from './commands/start.ts';

let printed: string[];
let complained: string[];

beforeEach(() => {
  [printed, complained] = [[], []];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
  vi.spyOn(console, 'error').mockImplementation((line: string) => void complained.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
});

test('lists every verb that package.json calls', async () => {
  expect(await main(['--help'])).toBe(0);
  for (const verb of ['start', 'dev', 'gateway', 'rotate-token-keys', 'setup', 'migrate', 'test', 'check', 'bench']) {
    expect(printed.join('\n')).toMatch(new RegExp(`^ {2}${verb} {2,}[A-Z]`, 'm'));
  }
});

test.each(['start', 'dev', 'gateway', 'setup', 'seed', 'check', 'fix', 'test', 'bench'])(
  'tells how to use %s',
  async (verb) => {
    expect(await main([verb, '--help'])).toBe(0);
    expect(printed.join('\n')).toContain(verb);
    expect(complained).toEqual([]);
  },
);

test.each([
  ['--no-build', '--help'],
  ['--port', '0', '-h', 'extra'],
  ['--help', '--'],
])('tells how to use it wherever %j asks for that', async (...args) => {
  expect(await main(['gateway', ...args])).toBe(0);
  expect(printed.join('\n')).toContain('--drain-seconds N');
  expect(complained).toEqual([]);
});

test('takes --help behind -- for an argument like any other', async () => {
  expect(await main(['gateway', '--', '--help'])).toBe(2);
  expect(complained).toEqual([expect.stringContaining("Unexpected argument '--help'")]);
});

test.each([
  [['destroy'], "There is no verb 'destroy'"],
  [['constructor'], "There is no verb 'constructor'"],
  [['start', '--prot', '1'], "Unknown option '--prot'"],
  [['check', 'extra'], "Unexpected argument 'extra'"],
  [['start', '--port', '70000'], '--port must be a port number'],
  [['gateway', '--drain-seconds', '-1'], "Option '--drain-seconds' argument is ambiguous: see --help."],
  [['gateway', '--host', ''], '--host must be an address or a name, not empty.'],
])('answers %j with one sentence and code 2', async (args, sentence) => {
  expect(await main(args)).toBe(2);
  expect(complained).toHaveLength(1);
  expect(complained[0]).toContain(sentence);
  expect(complained[0]).not.toContain('\n');
});

test('takes the port from the command line, then from PORT, then 8666', () => {
  expect(readStackOptions(['--port', '0'], { PORT: '9000' }).port).toBe(0);
  expect(readStackOptions([], { PORT: '9000' }).port).toBe(9000);
  expect(readStackOptions([], { PORT: '' }).port).toBe(8666);
  expect(() => readStackOptions([], { PORT: 'tcp://x' })).toThrow('PORT must be a port number');
});
