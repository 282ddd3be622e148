import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { contractVersion, isCompatible } from '#shared/contract-version.ts';
import { breaks, JsonSchema, surface } from './surface.ts';

const path = new URL('contract-surface.json', import.meta.url);
const recorded = JsonSchema.parse(JSON.parse(await readFile(path, 'utf8').catch(() => '{}')));

describe('the contract version', () => {
  it('was raised when the surface changed incompatibly (update the record with `npx vitest run --project contract -u`)', async () => {
    const [was, surfaceWas] = recordedParts();
    const broken = was === contractVersion ? breaks(surfaceWas, surface()) : [];
    expect(broken, 'raise contractVersion in shared/contract-version.ts').toEqual([]);
    await expect(`${JSON.stringify({ contractVersion, surface: surface() }, null, 1)}\n`).toMatchFileSnapshot(
      path.pathname,
    );
  });

  it('lets neighbours talk and nobody further apart', () => {
    expect([-2, -1, 0, 1, 2].map((distance) => isCompatible(contractVersion + distance))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
  });
});

describe('an incompatible change', () => {
  const before = {
    operations: { a: { paths: ['/a'], body: { required: ['x'], properties: { x: { type: 'string' } } } } },
  };
  const changed = (body: object, paths = ['/a']) => JsonSchema.parse({ operations: { a: { paths, body } } });

  it.each([
    ['an operation that is gone', { operations: {} }],
    ['a path that is gone', changed(before.operations.a.body, ['/b'])],
    ['a field that is gone', changed({ required: ['x'], properties: {} })],
    ['a field of another type', changed({ required: ['x'], properties: { x: { type: 'number' } } })],
    ['a field that is now demanded', changed({ required: ['x', 'y'], properties: { x: { type: 'string' }, y: {} } })],
  ])('is %s', (_what, after) => {
    expect(breaks(before, after)).toHaveLength(1);
  });

  it('is not an addition', () => {
    const grown = { paths: ['/a', '/b'], body: { required: ['x'], properties: { x: { type: 'string' }, y: {} } } };
    expect(breaks(before, { operations: { a: grown, b: {} } })).toEqual([]);
  });

  it('is a lower limit of what may be sent, and not a higher one', () => {
    const limited = (maxLength: number) => changed({ properties: { x: { type: 'string', maxLength } } });
    expect(breaks(limited(8), limited(9))).toEqual([]);
    expect(breaks(limited(8), limited(7))).toHaveLength(1);
  });

  it('is a variant that lost something, and not one that has more to it', () => {
    const variants = (...oneOf: object[]) => JsonSchema.parse({ oneOf });
    const user = { kind: 'user', properties: { id: {} }, required: ['id'] };
    const before = variants(user, { kind: 'nobody' });
    const grown = { ...user, properties: { id: {}, session: {} } };
    expect(breaks(before, variants(grown, { kind: 'nobody' }))).toEqual([]);
    expect(breaks(before, variants({ ...user, properties: {} }, { kind: 'nobody' }))).toHaveLength(1);
    expect(breaks(before, variants(grown))).toHaveLength(1);
  });
});

function recordedParts(): [number | null, typeof recorded] {
  if (typeof recorded !== 'object' || recorded === null || Array.isArray(recorded)) return [null, null];
  const { contractVersion: version, surface: recordedSurface } = recorded;
  return [typeof version === 'number' ? version : null, recordedSurface ?? null];
}
