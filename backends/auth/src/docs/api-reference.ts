import { openApiDocument } from '#shared/contracts/openapi.ts';
import { allContracts } from '#shared/contracts/registry.ts';
import { docsPage } from './docs-page.ts';

/** The reference of the whole platform. All deployables are built from one commit, so any of them knows it all. */
export type ApiReference = { json: () => string; html: () => string };

/** Both forms are made on first use, so that they cost a start nothing, and kept. */
export function createApiReference(version: string): ApiReference {
  const document = once(() => openApiDocument(allContracts, version));
  return {
    json: once(() => JSON.stringify(document())),
    html: once(() => docsPage(document())),
  };
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
