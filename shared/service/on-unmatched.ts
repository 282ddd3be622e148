import type { NotFoundHandler } from 'hono';
import type { Contract } from '../contracts/contract.ts';
import { AppError } from '../http/error.ts';
import { problemResponse } from '../http/on-error.ts';
import type { ServiceEnv } from './service-env.ts';

/** 405 with `Allow` where the path exists under another method, else 404. */
export function onUnmatched(contracts: readonly Contract[]): NotFoundHandler<ServiceEnv> {
  const known = contracts.flatMap(({ method, paths }) => paths.map((path) => ({ method, pattern: pattern(path) })));
  return (c) => {
    const methods = known.filter((route) => route.pattern.test(c.req.path)).map((route) => route.method.toUpperCase());
    if (methods.length === 0) return problemResponse(new AppError('not_found', 'There is nothing at this path'), c);
    const allow = [...new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods)].join(', ');
    const error = new AppError('method_not_allowed', `This path takes ${allow}`, { headers: { allow } });
    return problemResponse(error, c);
  };
}

function pattern(path: string): RegExp {
  const escaped = path.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll(/\{\w+\\\+\}/g, '.+').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}
