import { getTableColumns, getTableName, is, Table } from 'drizzle-orm';
import * as z from 'zod';
import { allContracts } from '#shared/contracts/registry.ts';
import * as schema from '#shared/db/schema.ts';
import { assertionRules } from '#shared/identity/assertion.ts';
import { PrincipalSchema } from '#shared/identity/principal.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Everything that two deployables of different age must agree on, as one JSON document. */
export function surface(): Json {
  return JsonSchema.parse(
    JSON.parse(
      JSON.stringify({
        assertion: { ...assertionRules, principal: z.toJSONSchema(PrincipalSchema) },
        operations: Object.fromEntries(allContracts.map((contract) => [contract.operation, operation(contract)])),
        tables: Object.fromEntries(
          Object.values(schema)
            .filter(isTable)
            .map((table) => [getTableName(table), columns(table)]),
        ),
      }),
    ),
  );
}

/** Where `next` breaks what somebody built against `previous` relies on: things gone, changed, or newly demanded. */
export function breaks(previous: Json, next: Json, path = ''): string[] {
  if (Array.isArray(previous) && Array.isArray(next)) return arrayBreaks(previous, next, path);
  if (isObject(previous) && isObject(next)) {
    return Object.entries(previous).flatMap(([key, value]) => {
      const here = `${path}/${key}`;
      return key in next ? breaks(value, next[key] ?? null, here) : [`${here} is gone`];
    });
  }
  if (JSON.stringify(previous) === JSON.stringify(next) || takesMore(previous, next, path)) return [];
  return [`${path} changed`];
}

/** A limit of what may be sent that was raised: whoever kept to the lower one keeps to it still. */
function takesMore(previous: Json, next: Json, path: string): boolean {
  if (!path.includes('/body/') || !/\/max(?:Length|Items|imum)$/.test(path)) return false;
  return typeof previous === 'number' && typeof next === 'number' && next > previous;
}

/** An item is still there when something in the list can stand in for it: the same, or the same with more to it. */
function arrayBreaks(previous: Json[], next: Json[], path: string): string[] {
  const has = (list: Json[], item: Json): boolean => list.some((other) => breaks(item, other, path).length === 0);
  const gone = previous.filter((item) => !has(next, item)).map((item) => `${path} lost ${JSON.stringify(item)}`);
  const demanded = path.includes('/body/') && path.endsWith('/required');
  const added = demanded
    ? next.filter((item) => !has(previous, item)).map((item) => `${path} demands ${JSON.stringify(item)}`)
    : [];
  return [...gone, ...added];
}

function operation({ method, paths, access, body, query, answers }: (typeof allContracts)[number]): object {
  const described = (shape: z.ZodType): object => z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' });
  return {
    method,
    paths,
    access,
    body: described(body.schema),
    query: described(query),
    answers: Object.fromEntries(
      Object.entries(answers).map(([status, answer]) => [status, answer.schema ? described(answer.schema) : null]),
    ),
  };
}

function isTable(value: unknown): value is Table {
  return is(value, Table);
}

function columns(table: Table): object {
  return Object.fromEntries(Object.values(getTableColumns(table)).map((column) => [column.name, column.getSQLType()]));
}

function isObject(value: Json): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const JsonSchema: z.ZodType<Json> = z.json();
