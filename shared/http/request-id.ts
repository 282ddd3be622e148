import { newId } from '../id.ts';

export type RequestIdVariables = { requestId: string };

const wellFormed = /^[A-Za-z0-9][A-Za-z0-9._-]{7,127}$/;

/** Keeps a well-formed `X-Request-Id` of the caller, else makes one. */
export function requestIdFrom(offered: string | undefined | null): string {
  return offered && wellFormed.test(offered) ? offered : newId('req');
}
