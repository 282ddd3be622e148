import { OpenAPIHono, z, type createRoute } from '@hono/zod-openapi';
import type { Contract, ContractAnswer } from './contract.ts';
import { AnthropicProblemSchema, ProblemSchema } from './problem-schema.ts';

type RouteConfig = Parameters<typeof createRoute>[0];
export type OpenApiDocument = ReturnType<OpenAPIHono['getOpenAPI31Document']>;

/** One document of the whole public surface. Operations between our own services are left out. */
export function openApiDocument(contracts: readonly Contract[], version: string): OpenApiDocument {
  const { openAPIRegistry: registry, ...app } = new OpenAPIHono();
  registry.registerComponent('securitySchemes', 'apiKey', { type: 'apiKey', in: 'header', name: 'X-API-Key' });
  registry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  for (const contract of contracts.filter(({ access }) => access !== 'internal')) {
    contract.paths.forEach((path, index) => registry.registerPath(routeConfig(contract, openApiPath(path), index)));
  }
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Gaia', version, description: 'An AI platform behind one edge gateway.' },
    servers: [{ url: '/' }],
  });
}

const RepeatableHeaders = z.object({
  'Idempotency-Key': z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/)
    .optional()
    .describe(
      'A new value for each wish. The same request with the same key is carried out and charged once within 24 hours; ' +
        'repetitions get the same answer, with `Idempotency-Replayed: true`.',
    ),
});

function routeConfig(contract: Contract, path: string, index: number): RouteConfig {
  const { operation, method, tag, summary, description, access, body, query } = contract;
  const open = access === 'public';
  return {
    method,
    path,
    operationId: index === 0 ? operation : `${operation}${index + 1}`,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...(index > 0 && { deprecated: true }),
    security: open ? [] : [{ apiKey: [] }, { bearer: [] }],
    ...(!open && { 'x-required-scope': access }),
    request: {
      params: pathParameters(path),
      query,
      ...(contract.isRepeatable && { headers: RepeatableHeaders }),
      ...(body.maxBytes > 0 && {
        body: { required: !body.optional, content: { 'application/json': { schema: body.schema } } },
      }),
    },
    responses: { ...responses(contract), default: errorResponse(path) },
  };
}

/** `{name+}`, a value that may hold slashes, is our spelling; OpenAPI has none for it. */
function openApiPath(path: string): string {
  return path.replaceAll('+}', '}');
}

function pathParameters(path: string): z.ZodObject {
  const names = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = '']) => name);
  return z.object(Object.fromEntries(names.map((name) => [name, z.string()])));
}

function responses(contract: Contract): RouteConfig['responses'] {
  return Object.fromEntries(
    Object.entries(contract.answers).map(([status, answer]) => [
      status,
      { description: answer.description, ...content(answer) },
    ]),
  );
}

function content({ schema, contentType = 'application/json', stream }: ContractAnswer): object {
  if (!schema) return {};
  return {
    content: {
      [contentType]: { schema },
      ...(stream !== undefined && { 'text/event-stream': { schema: { type: 'string', description: stream } } }),
    },
  };
}

function errorResponse(path: string): RouteConfig['responses'][string] {
  const anthropic = path.startsWith('/v1/messages');
  return {
    description: 'Any error, in the one shape',
    content: anthropic
      ? { 'application/json': { schema: AnthropicProblemSchema } }
      : { 'application/problem+json': { schema: ProblemSchema } },
  };
}
