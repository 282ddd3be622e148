import { availableParallelism } from 'node:os';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

// wrangler warns about required secrets that are missing; the tests at the edge bring their own.
process.env['GATEWAY_SIGNING_KEY'] ??= '{}';

/** Tests that need the machine for themselves: they measure stalls, and take their time. */
const underLoad = '**/under-load.test.ts';

/** Tests that measure nothing that a neighbour could disturb use every core; on two, vitest would take one. */
const together = { maxWorkers: availableParallelism(), sequence: { groupOrder: 1 } };

/** After those, and one file at a time: each starts processes of its own and watches the clock. */
const alone = { maxWorkers: 1, sequence: { groupOrder: 2 } };

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
          exclude: [underLoad],
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
      {
        test: {
          name: 'e2e',
          ...alone,
          include: ['tests/e2e/**/*.test.ts', 'tests/faults/**/*.test.ts', underLoad],
          testTimeout: 60_000,
        },
      },
    ],
  },
});
