import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#shared/http/error.ts';

/** So that nobody learns from the time of an answer what was found. */
export async function noSoonerThan<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const [result] = await Promise.all([work, sleep(milliseconds)]);
  return result;
}

export function fieldError(path: string, message: string): AppError {
  return new AppError('validation_failed', `${path}: ${message}`, { errors: [{ path, message }] });
}
