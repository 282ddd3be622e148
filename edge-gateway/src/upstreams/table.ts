import type { ServiceName } from '#shared/identity/assertion.ts';
import type { Config } from '../config.ts';

type RouteRow = {
  /** A path belongs to a row when it equals the prefix or goes on after it with a slash. The longest prefix wins. */
  prefix: string;
  service: ServiceName;
  /** `METHOD path` of the routes that need no credential. A contract test compares them with the contracts. */
  open?: readonly string[];
  /** The longest body that may pass; 1 MiB where a row does not say. Never less than a contract of the row takes. */
  maxBodyBytes?: number;
  /** Names in the last part of the path may contain slashes, which SDKs send encoded (`/v1/models/local%2Fecho`). */
  encodedSlash?: true;
};

const chatBytes = 32 * 1024 * 1024;
const assetBytes = 100 * 1024 * 1024;
const otherBytes = 1024 * 1024;

export const routes: readonly RouteRow[] = [
  { prefix: '/v1/chat', service: 'chat', maxBodyBytes: chatBytes },
  { prefix: '/v1/responses', service: 'chat', maxBodyBytes: chatBytes },
  { prefix: '/v1/embeddings', service: 'chat', maxBodyBytes: chatBytes },
  { prefix: '/v1/models', service: 'chat', encodedSlash: true },
  { prefix: '/v1/messages', service: 'chat', maxBodyBytes: chatBytes },
  { prefix: '/v1/images', service: 'asset', maxBodyBytes: assetBytes },
  { prefix: '/v1/audio', service: 'asset', maxBodyBytes: assetBytes },
  {
    prefix: '/api/v0.2',
    service: 'chat',
    open: ['GET /api/v0.2', 'GET /api/v0.2/', 'GET /api/v0.2/health'],
    maxBodyBytes: chatBytes,
  },
  { prefix: '/api/v0.2/assets', service: 'asset', maxBodyBytes: assetBytes },
  { prefix: '/api/v0.3', service: 'chat', maxBodyBytes: chatBytes },
  { prefix: '/api/v0.3/auth', service: 'auth', open: openAuth('/api/v0.3/auth') },
  { prefix: '/api/v1/assets', service: 'asset', open: ['GET /api/v1/assets/test'], maxBodyBytes: assetBytes },
  { prefix: '/api/v1/chat', service: 'chat', maxBodyBytes: chatBytes },
  { prefix: '/api/v1/conversations', service: 'chat', maxBodyBytes: chatBytes },
  { prefix: '/api/v1/personas', service: 'chat' },
  { prefix: '/api/v1/providers', service: 'chat' },
  { prefix: '/api/v1/auth', service: 'auth', open: openAuth('/api/v1/auth') },
  { prefix: '/api/v1/keys', service: 'auth' },
  { prefix: '/api/v1/audit', service: 'auth' },
  { prefix: '/api/v1/admin', service: 'auth' },
  { prefix: '/.well-known/jwks.json', service: 'auth', open: ['GET /.well-known/jwks.json'] },
  { prefix: '/openapi.json', service: 'auth', open: ['GET /openapi.json'] },
  { prefix: '/docs', service: 'auth', open: ['GET /docs'] },
];

/** How long each may take until its first byte: nobody waits minutes for a login, and a model may think for five. */
export const firstByteSeconds: Record<ServiceName, number> = { auth: 15, chat: 300, asset: 180 };

type ServiceUrls = Pick<Config, `${Uppercase<ServiceName>}_SERVICE_URL`>;

export type Upstream = {
  service: ServiceName;
  origin: string;
  open: boolean;
  encodedSlash: boolean;
  maxBodyBytes: number;
};

export type Upstreams = {
  origins: Record<ServiceName, string>;
  /** The backend that serves a request, or null where no row has its path. */
  find: (method: string, path: string) => Upstream | null;
};

export function createUpstreams(config: ServiceUrls): Upstreams {
  const origins = {
    auth: new URL(config.AUTH_SERVICE_URL).origin,
    chat: new URL(config.CHAT_SERVICE_URL).origin,
    asset: new URL(config.ASSET_SERVICE_URL).origin,
  };
  return {
    origins,
    find: (method, path) => {
      const row = rowOf(path);
      if (!row) return null;
      const spelled = `${method === 'HEAD' ? 'GET' : method} ${path}`;
      return {
        service: row.service,
        origin: origins[row.service],
        open: row.open?.includes(spelled) ?? false,
        encodedSlash: row.encodedSlash ?? false,
        maxBodyBytes: row.maxBodyBytes ?? otherBytes,
      };
    },
  };
}

/** What somebody does who has no credential yet, or wants to know what one is worth. */
function openAuth(prefix: string): string[] {
  const operations = [
    'register',
    'login',
    'refresh',
    'confirm',
    'resend-verification',
    'validate',
    'forgot-password',
    'reset-password',
  ];
  return operations.map((operation) => `POST ${prefix}/${operation}`);
}

const longestFirst = routes.toSorted((a, b) => b.prefix.length - a.prefix.length);

function rowOf(path: string): RouteRow | undefined {
  return longestFirst.find(
    ({ prefix }) => path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/'),
  );
}
