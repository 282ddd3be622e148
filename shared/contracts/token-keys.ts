import { z } from '@hono/zod-openapi';
import { contract, noBody, noQuery } from './contract.ts';

/** Public, as RFC 7517 means it: whoever takes our tokens checks them with these. */
export const getTokenKeys = contract({
  ...noBody,
  ...noQuery,
  operation: 'getTokenKeys',
  service: 'auth',
  method: 'get',
  paths: ['/.well-known/jwks.json'],
  access: 'public',
  tag: 'Auth',
  summary: 'The public keys of the tokens that Gaia issues',
  answers: {
    200: {
      description: 'A JWKS document',
      schema: z.object({
        keys: z.array(
          z.object({
            kty: z.enum(['OKP', 'EC']),
            crv: z.enum(['Ed25519', 'P-256']),
            alg: z.enum(['EdDSA', 'ES256']),
            use: z.literal('sig'),
            kid: z.string(),
            x: z.string(),
            y: z.string().optional(),
          }),
        ),
      }),
    },
  },
});
