import { z } from '@hono/zod-openapi';
import { contract, noBody, noQuery } from './contract.ts';

export const ApiRoot = z
  .object({
    name: z.string(),
    version: z.string(),
    api_version: z.string(),
    api_versions: z.array(z.string()),
    links: z.record(z.string(), z.string()),
  })
  .openapi('ApiRoot');

export const getApiRoot = contract({
  ...noBody,
  ...noQuery,
  operation: 'getApiRoot',
  service: 'chat',
  method: 'get',
  paths: ['/api/v0.2/', '/api/v0.2'],
  access: 'public',
  tag: 'Service',
  summary: 'What this API is, and where to go from here',
  answers: { 200: { description: 'Name, version and links', schema: ApiRoot } },
});

export const getApiHealth = contract({
  ...noBody,
  ...noQuery,
  operation: 'getApiHealth',
  service: 'chat',
  method: 'get',
  paths: ['/api/v0.2/health'],
  access: 'public',
  tag: 'Service',
  summary: 'What the chat backend found when it looked at its database, events and providers',
  answers: {
    200: { description: 'Healthy, or degraded: something optional is away', schema: z.looseObject({}) },
    503: { description: 'Unhealthy: requests fail', schema: z.looseObject({}) },
  },
});
