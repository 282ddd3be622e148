import { describe, expect, it } from 'vitest';
import { openApiDocument } from '#shared/contracts/openapi.ts';
import { allContracts } from '#shared/contracts/registry.ts';

const document = openApiDocument(allContracts, '1.2.3');
const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
  (['get', 'post', 'put', 'patch', 'delete'] as const).flatMap((method) =>
    item[method] ? [{ path, method, operation: item[method] }] : [],
  ),
);

describe('the OpenAPI document', () => {
  it('has every public operation at all its paths, and no internal one', () => {
    const expected = allContracts
      .filter(({ access }) => access !== 'internal')
      .flatMap(({ method, paths }) => paths.map((path) => `${method} ${path.replace('+}', '}')}`));
    expect(new Set(operations.map(({ method, path }) => `${method} ${path}`))).toEqual(new Set(expected));
    expect(JSON.stringify(document)).not.toContain('/internal/');
    expect(Object.keys(document.paths ?? {}).filter((path) => path.includes('+'))).toEqual([]);
  });

  it('gives every operation an id of its own, a summary, a tag and an error shape', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { operation } of operations) {
      expect(operation.summary).toBeTruthy();
      expect(operation.tags).toHaveLength(1);
      expect(operation.responses).toHaveProperty('default');
    }
  });

  it('declares every parameter that stands in a path', () => {
    for (const { path, operation } of operations) {
      const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
      const declared = (operation.parameters ?? []).flatMap((parameter) =>
        'in' in parameter && parameter.in === 'path' ? [parameter.name] : [],
      );
      expect([path, declared]).toEqual([path, inPath]);
    }
  });

  it('tells of the Idempotency-Key wherever something costs', () => {
    const repeatable = operations.filter(({ operation }) =>
      operation.parameters?.some((parameter) => 'in' in parameter && parameter.name === 'Idempotency-Key'),
    );
    expect(repeatable.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual([
      'post /api/v0.2/chat',
      'post /api/v0.2/chat/stream',
      'post /api/v0.3/chat',
      'post /api/v1/chat',
      'post /api/v1/chat/completions',
      'post /v1/chat/completions',
      'post /v1/embeddings',
      'post /v1/messages',
      'post /v1/responses',
    ]);
  });

  it('asks for no credential exactly on public operations', () => {
    for (const contract of allContracts.filter(({ access }) => access !== 'internal')) {
      const { security } = document.paths?.[contract.paths[0]]?.[contract.method] ?? {};
      expect([contract.operation, security?.length === 0]).toEqual([contract.operation, contract.access === 'public']);
    }
  });
});
