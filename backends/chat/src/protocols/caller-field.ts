import { AppError } from '#shared/http/error.ts';
import { isObject, parsedJson, type JsonObject } from '#shared/json.ts';

/** As deep as a body may be nested; what stands as JSON inside a string is held to the same. */
const maxDepth = 64;

/**
 * A value in a caller's body, with the path to it. Whatever is not of the expected shape is refused with
 * `validation_failed` that names the path; nothing a caller sends may crash a translation.
 */
export class CallerField {
  readonly value: unknown;
  readonly path: string;

  constructor(value: unknown, path = '') {
    this.value = value;
    this.path = path;
  }

  /** Absent and null are the same to every protocol here. */
  get isGiven(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  /** A member of this object; of nothing where there is no such member. */
  at(name: string): CallerField {
    return new CallerField(this.object()[name], this.path ? `${this.path}.${name}` : name);
  }

  object(): JsonObject {
    if (!isObject(this.value)) throw this.invalid('must be an object');
    return this.value;
  }

  items(): CallerField[] {
    if (!Array.isArray(this.value)) throw this.invalid('must be an array');
    return this.value.map((item: unknown, index) => new CallerField(item, `${this.path}.${index}`));
  }

  optionalItems(): CallerField[] {
    return this.isGiven ? this.items() : [];
  }

  string(): string {
    if (typeof this.value !== 'string') throw this.invalid('must be a string');
    return this.value;
  }

  optionalString(): string | undefined {
    return this.isGiven ? this.string() : undefined;
  }

  optionalBoolean(): boolean | undefined {
    if (!this.isGiven) return undefined;
    if (typeof this.value !== 'boolean') throw this.invalid('must be true or false');
    return this.value;
  }

  optionalNumber(): number | undefined {
    if (!this.isGiven) return undefined;
    if (typeof this.value !== 'number') throw this.invalid('must be a number');
    return this.value;
  }

  optionalCount(): number | undefined {
    const count = this.optionalNumber();
    if (count !== undefined && !(Number.isSafeInteger(count) && count >= 1)) {
      throw this.invalid('must be a whole number of at least 1');
    }
    return count;
  }

  /** The object that a string holds as JSON, as the arguments of a tool call do. An empty string is an empty object. */
  objectInString(): JsonObject {
    const parsed = objectInText(this.string());
    if (!parsed) throw this.invalid(`must be a JSON object in a string, nested at most ${maxDepth} levels deep`);
    return parsed;
  }

  invalid(message: string): AppError {
    const detail = this.path ? `${this.path}: ${message}` : `The body ${message}`;
    return new AppError('validation_failed', detail, { errors: [{ path: this.path || 'body', message }] });
  }
}

/** The object that a text holds as JSON; a blank one is an empty object. Undefined for anything else. */
export function objectInText(text: string): JsonObject | undefined {
  if (text.trim() === '') return {};
  const value = parsedJson(text);
  return isObject(value) && !isDeeperThan(value, maxDepth) ? value : undefined;
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}
