import * as z from 'zod';
import type { Contract } from '#shared/contracts/contract.ts';
import type { Check } from './check.ts';
import { expectJson } from './http.ts';

/** A check that an operation without a body answers in the shape that its contract documents. */
export function documented(name: string, contract: Contract, path: string = contract.paths[0]): Check {
  return {
    name,
    run: async (target) => {
      const schema = contract.answers[200]?.schema ?? z.unknown();
      await expectJson(target, path, { method: contract.method.toUpperCase(), schema });
      return `${path} as documented`;
    },
  };
}
