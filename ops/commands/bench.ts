import { join } from 'node:path';
import type { OpsCommand } from '../command.ts';
import { repositoryRoot } from '../repository.ts';
import { runAttached } from '../run.ts';

export const benchCommand: OpsCommand = {
  verb: 'bench',
  summary: 'Measure latency and CPU against other proxies, and how they stand to the targets.',
  usage: `npm run bench -- [--only NAME,…] [--soak] [--requests N] [--streams N] [--concurrency N] [--rounds N]
                 [--warm-up N] [--limits off] [--log-level L] [--json]

Measures latency and CPU per request against a mock vendor: directly, through nginx, a Node proxy, a bare workerd proxy,
Portkey's gateway, our chat (passing through and translating), and our gateway and chat, interleaved in rounds. Everything
of ours is real (workerd, Postgres, authentication, limits and metering of every request). Numbers of different machines do
not compare, the ratios of one run do.
nginx is installed where we are root on Debian; Portkey is installed once, into .gaia/bench-peers. About eight minutes.

  --only NAMES      of direct, nginx, node, workerd, portkey, chat, translated, workerd-chat, gateway, checks
  --soak            instead: 200,000 requests with 50,000 unknown keys, and whether memory stays flat
  --requests N      unary requests at one connection per leg and round; six times that under load (default 300)
  --streams N       streams of 50 chunks per leg and round (default 192)
  --concurrency N   connections while CPU is measured      (default 32)
  --rounds N        how often the legs take turns          (default 5)
  --warm-up N       requests to each leg before the first round (default 20000)
  --limits off      callers without limits of requests and tokens a minute
  --log-level L     of all that is ours: info writes a line for each request (default info)
  --json            the report for machines`,
  run: async (args) =>
    await runAttached({ argv: [process.execPath, join(repositoryRoot, 'bench/run.ts'), ...args], cwd: repositoryRoot }),
};
