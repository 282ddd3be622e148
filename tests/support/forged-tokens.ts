import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import * as z from 'zod';

const JwkSchema = z.looseObject({ kid: z.string(), kty: z.string(), crv: z.string(), x: z.string(), d: z.string() });
const JwksSchema = z.object({ keys: z.array(JwkSchema).min(1) });

type Signed = { key: KeyObject; kid: string };
type Parts = { header?: object; claims?: object };

export type Forgery = { good: string; bad: Record<string, string> };

/** A good access token of this user, and every way of touching it that has fooled somebody before. */
export function forgedTokens(signingKeys: string, userId: string): Forgery {
  const [jwk] = JwksSchema.parse(JSON.parse(signingKeys)).keys;
  if (!jwk) throw new Error('no key to sign with');
  const own = { key: createPrivateKey({ key: jwk, format: 'jwk' }), kid: jwk.kid };
  const now = Math.floor(Date.now() / 1_000);
  const header = { alg: 'EdDSA', kid: own.kid, typ: 'JWT' };
  const claims = { iss: 'gaia', aud: 'gaia', sub: userId, iat: now, exp: now + 600, scopes: ['chat:read'] };
  const token = (parts: Parts = {}, signer: Signed = own): string =>
    signed({ ...header, ...parts.header }, { ...claims, ...parts.claims }, signer.key);
  const good = token();
  const bad = {
    ...ofHeaders(token, jwk),
    ...ofClaims(token, now),
    ...ofText(good),
    ...ofHmac(header, claims, own.key),
  };
  return { good, bad };
}

type Token = (parts?: Parts, signer?: Signed) => string;

function ofHeaders(token: Token, jwk: z.infer<typeof JwkSchema>): Record<string, string> {
  const foreign = { key: generateKeyPairSync('ed25519').privateKey, kid: 'foreign' };
  const embedded = createPublicKey(foreign.key).export({ format: 'jwk' });
  return {
    'a foreign key under our kid': token({}, foreign),
    'a foreign kid': token({ header: { kid: 'foreign' } }, foreign),
    'our key under a foreign kid': token({ header: { kid: 'foreign' } }),
    'no kid': token({ header: { kid: undefined } }),
    'a kid that is a path': token({ header: { kid: '../../../dev/null' } }),
    jku: token({ header: { jku: 'http://127.0.0.1:1/jwks.json', kid: 'foreign' } }, foreign),
    x5u: token({ header: { x5u: 'http://127.0.0.1:1/cert.pem', kid: 'foreign' } }, foreign),
    'an embedded jwk': token({ header: { jwk: embedded, kid: 'foreign' } }, foreign),
    'an embedded jwk under our kid': token({ header: { jwk: embedded, kid: jwk.kid } }, foreign),
    crit: token({ header: { crit: ['exp'] } }),
    'crit of something unknown': token({ header: { crit: ['gaia'], gaia: 1 } }),
    b64: token({ header: { crit: ['b64'], b64: false } }),
    'another type': token({ header: { typ: 'gaia-assertion+jwt' } }),
  };
}

function ofClaims(token: Token, now: number): Record<string, string> {
  const claims: Record<string, object> = {
    'no exp': { exp: undefined },
    'exp as text': { exp: String(now + 600) },
    'exp in the past': { iat: now - 700, exp: now - 100 },
    'no iss': { iss: undefined },
    'another iss': { iss: 'gaia-gateway' },
    'a list of iss': { iss: ['gaia'] },
    'no aud': { aud: undefined },
    'another aud': { aud: 'chat' },
    'no sub': { sub: undefined },
    'sub as a number': { sub: 1 },
    'a scope that is none': { scopes: ['root'] },
  };
  return Object.fromEntries(Object.entries(claims).map(([name, changed]) => [name, token({ claims: changed })]));
}

function ofText(good: string): Record<string, string> {
  const [head = '', body = '', signature = ''] = good.split('.');
  const at = (text: string, index: number): string =>
    `${text.slice(0, index)}${text[index] === 'A' ? 'B' : 'A'}${text.slice(index + 1)}`;
  const plain = encoded({ alg: 'none', typ: 'JWT' });
  return {
    'alg none': `${plain}.${body}.`,
    'alg none with the signature': `${plain}.${body}.${signature}`,
    'no signature': `${head}.${body}.`,
    'two parts': `${head}.${body}`,
    'four parts': `${good}.AAAA`,
    'a truncated signature': good.slice(0, -8),
    'a bit flipped in the signature': `${head}.${body}.${at(signature, 10)}`,
    'a bit flipped in the claims': `${head}.${at(body, 20)}.${signature}`,
    'a bit flipped in the header': `${at(head, 20)}.${body}.${signature}`,
    padding: `${head}.${body}.${signature}==`,
  };
}

/** The public key as the secret of an HMAC, in the forms that libraries have been fooled with. */
function ofHmac(header: object, claims: object, key: KeyObject): Record<string, string> {
  const halves = createPublicKey(key);
  const secrets: Record<string, string | Buffer> = {
    'as PEM': halves.export({ format: 'pem', type: 'spki' }),
    'as DER': halves.export({ format: 'der', type: 'spki' }),
    'as JWK': JSON.stringify(halves.export({ format: 'jwk' })),
    'as its x': halves.export({ format: 'jwk' }).x ?? '',
    'and nothing': '',
  };
  const text = `${encoded({ ...header, alg: 'HS256' })}.${encoded(claims)}`;
  return Object.fromEntries(
    Object.entries(secrets).map(([name, secret]) => [
      `HS256 with the public key ${name}`,
      `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`,
    ]),
  );
}

function signed(header: object, claims: object, key: KeyObject): string {
  const text = `${encoded(header)}.${encoded(claims)}`;
  return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
