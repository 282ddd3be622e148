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

/**
 * Tests that start next to nothing. Much of their time they wait for a deadline or for the database, so there are two
 * workers for a core. Files share a worker's modules: loading them anew for each took longer than the tests.
 */
const together = { maxWorkers: 2 * availableParallelism(), isolate: false, sequence: { groupOrder: 1 } };

/** Beside what they test. Those that need Postgres are named `*.db.test.ts`. */
const beside = ['shared', 'backends', 'ops', 'tests/support'];
const inDatabase = '**/*.db.test.ts';

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
    // Once for all projects: a folder, and for those that need it a throw-away Postgres with a migrated template.
    globalSetup: './tests/support/global-setup.ts',
    projects: [
      {
        test: {
          name: 'unit',
          ...together,
          include: beside.map((folder) => `${folder}/**/*.test.ts`),
          exclude: [...measuring, inDatabase],
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
      { test: { name: 'contract', ...together, include: ['tests/contract/**/*.test.ts'], exclude: [inDatabase] } },
      {
        test: {
          name: 'database',
          ...together,
          include: [...beside, 'tests/contract'].map((folder) => `${folder}/${inDatabase}`),
        },
      },
      { test: { name: 'e2e', ...inPairs, ...processes, exclude: measuring } },
      { test: { name: 'measuring', ...alone, ...processes, include: measuring } },
    ],
  },
});
