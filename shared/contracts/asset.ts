import { z } from '@hono/zod-openapi';
import { contract, noBody, noQuery } from './contract.ts';

export const testAssets = contract({
  ...noBody,
  ...noQuery,
  operation: 'testAssets',
  service: 'asset',
  method: 'get',
  paths: ['/api/v1/assets/test'],
  access: 'public',
  tag: 'Assets',
  summary: 'Whether the asset service answers',
  answers: {
    200: {
      description: 'It does',
      schema: z.object({
        status: z.literal('ok'),
        service: z.literal('asset'),
        version: z.string(),
        timestamp: z.iso.datetime(),
      }),
    },
  },
});
