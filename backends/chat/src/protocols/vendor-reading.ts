import { AppError } from '#shared/http/error.ts';
import { isObject, type JsonObject } from '#shared/json.ts';

/** The vendor has worked, and perhaps charged, for an answer that is not what its protocol says. */
export function garbage(detail: string, cause?: unknown): AppError {
  return new AppError('upstream_failed', `The provider sent an answer that cannot be read: ${detail}`, {
    cause,
    sideEffectPossible: true,
  });
}

export function parseEventData(data: string): JsonObject {
  return objectOf(parsed(data), 'an event');
}

export function objectOf(value: unknown, name: string): JsonObject {
  if (!isObject(value)) throw garbage(`${name} is not an object`);
  return value;
}

export function optionalObject(value: unknown, name: string): JsonObject | undefined {
  return value === undefined || value === null ? undefined : objectOf(value, name);
}

export function optionalArray(value: unknown, name: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw garbage(`${name} is not an array`);
  return value;
}

export function textOf(value: unknown, name: string): string {
  if (typeof value !== 'string') throw garbage(`${name} is not a string`);
  return value;
}

/** The empty string where the vendor left it out. */
export function optionalText(value: unknown, name: string): string {
  return value === undefined || value === null ? '' : textOf(value, name);
}

/** 0 where the vendor left it out. */
export function countOf(value: unknown, name: string): number {
  if (value === undefined || value === null) return 0;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw garbage(`${name} is not a count`);
  return value;
}

/** JSON of something the vendor nested, perhaps deeper than can be written. */
export function jsonOf(value: unknown, name: string): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw garbage(`${name} cannot be written as JSON`, cause);
  }
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw garbage('an event is not JSON', cause);
  }
}
