import { availableParallelism } from 'node:os';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

// wrangler warns about required secrets that are missing; the tests at the edge bring their own.
process.env['GATEWAY_SIGNING_KEY'] ??= '{}';

/** Tests whose result a busy neighbour could change: they measure, closely, what something takes or costs. */
const measuring = [
  '**/under-load.test.ts',
  'tests/e2e/{key-look-up,many-streams,revocation}.test.ts',
  'tests/faults/{chat-load,edge-streams,edge-upstreams,nats,postgres-chat,providers-before-bytes}.test.ts',
];

/** Tests that start nothing, or little, use every core; on two, vitest would take one. */
const together = { maxWorkers: availableParallelism(), sequence: { groupOrder: 1 } };

/** Then those that start processes of their own. They wait for these a lot, and while one waits another can go on. */
const inPairs = { maxWorkers: 2, sequence: { groupOrder: 2 } };

/** At last those that a neighbour would disturb, one file at a time. */
const alone = { maxWorkers: 1, sequence: { groupOrder: 3 } };

const processes = { include: ['tests/e2e/**/*.test.ts', 'tests/faults/**/*.test.ts'], testTimeout: 60_000 };

/** One project per kind of test; `npm test` runs them all, `npx vitest --project unit` one of them. */
export default defineConfig({
  test: {
    reporters: ['default'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Once for all projects: a throw-away Postgres with a migrated template database.
    globalSetup: './tests/support/global-postgres.ts',
    projects: [
      {
        test: {
          name: 'unit',
          ...together,
          // Files share a worker's modules: loading them anew for each took longer than the tests.
          isolate: false,
          include: ['shared/**/*.test.ts', 'backends/**/*.test.ts', 'ops/**/*.test.ts', 'tests/support/**/*.test.ts'],
          exclude: measuring,
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: './wrangler.toml' },
          }),
        ],
        test: { name: 'edge', ...together, include: ['edge-gateway/**/*.test.ts'] },
      },
      { test: { name: 'contract', ...together, include: ['tests/contract/**/*.test.ts'] } },
      { test: { name: 'e2e', ...inPairs, ...processes, exclude: measuring } },
      { test: { name: 'measuring', ...alone, ...processes, include: measuring } },
    ],
  },
});
