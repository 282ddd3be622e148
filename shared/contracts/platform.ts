import { z } from '@hono/zod-openapi';
import { contract, noBody, noQuery } from './contract.ts';

const status = z.enum(['healthy', 'degraded', 'unhealthy']);

const PlatformHealthSchema = z
  .object({
    status,
    timestamp: z.iso.datetime(),
    version: z.string(),
    environment: z.string(),
    services: z.record(
      z.enum(['auth', 'chat', 'asset']),
      z.object({
        status,
        response_time_ms: z.number(),
        version: z.string().nullable(),
        contract: z.int().nullable(),
        error: z.string().optional(),
      }),
    ),
    database: z.object({ status: z.string(), response_time_ms: z.number().nullable() }),
    nats: z.object({ status: z.enum(['connected', 'disabled', 'unavailable', 'unknown']) }),
  })
  .openapi('PlatformHealth');

const open = { ...noBody, ...noQuery, method: 'get', access: 'public', tag: 'Platform' } as const;

export const getRoot = contract({
  ...open,
  operation: 'getRoot',
  service: 'gateway',
  paths: ['/'],
  summary: 'Name, version and links',
  answers: {
    200: {
      description: 'What this is',
      schema: z.object({
        name: z.string(),
        version: z.string(),
        environment: z.string(),
        api_versions: z.array(z.string()),
        links: z.record(z.string(), z.string()),
      }),
    },
  },
});

export const getHealth = contract({
  ...open,
  operation: 'getHealth',
  service: 'gateway',
  paths: ['/health'],
  summary: 'State of every service, the database and NATS',
  answers: {
    200: { description: 'Healthy, or degraded: something optional is away', schema: PlatformHealthSchema },
    503: { description: 'Unhealthy: requests fail', schema: PlatformHealthSchema },
  },
});

const ReadySchema = z.object({ status: z.enum(['ready', 'not_ready']) });

export const getReady = contract({
  ...open,
  operation: 'getReady',
  service: 'gateway',
  paths: ['/ready'],
  summary: 'Whether requests can be served right now',
  answers: {
    200: { description: 'Ready', schema: ReadySchema },
    503: { description: 'Not ready', schema: ReadySchema },
  },
});

export const getVersion = contract({
  ...open,
  operation: 'getVersion',
  service: 'gateway',
  paths: ['/version'],
  summary: 'Version, commit and contract number',
  answers: {
    200: {
      description: 'What runs here',
      schema: z.object({
        service: z.string(),
        version: z.string(),
        commit: z.string(),
        contract: z.int(),
        deployment: z.string().optional().describe("Cloudflare's id of the running version, where it runs there"),
      }),
    },
  },
});

export const getOpenApiDocument = contract({
  ...open,
  operation: 'getOpenApiDocument',
  service: 'auth',
  paths: ['/openapi.json'],
  summary: 'This document',
  answers: { 200: { description: 'OpenAPI 3.1', schema: z.looseObject({ openapi: z.string() }) } },
});

export const getDocs = contract({
  ...open,
  operation: 'getDocs',
  service: 'auth',
  paths: ['/docs'],
  summary: 'The reference as a page',
  answers: { 200: { description: 'HTML', contentType: 'text/html', schema: z.string() } },
});
