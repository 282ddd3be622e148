import * as z from 'zod/mini';
import { isCompatible } from '#shared/contract-version.ts';
import { services, type ServiceName } from '#shared/identity/assertion.ts';
import { hopHeaders } from './own-hop.ts';
import type { Upstreams } from './table.ts';

const deadlineMs = 1_000;
const statuses = ['healthy', 'degraded', 'unhealthy'] as const;
type Status = (typeof statuses)[number];

const BackendReport = z.object({
  status: z.enum(statuses),
  version: z.string(),
  contract: z.number(),
  database: z.object({ status: z.string(), response_time_ms: z.number() }),
  nats: z.object({ status: z.string() }),
});

type ServiceHealth = {
  status: Status;
  response_time_ms: number;
  version: string | null;
  contract: number | null;
  error?: string;
};

type Probed = { service: ServiceName; health: ServiceHealth; report: z.infer<typeof BackendReport> | null };

export type PlatformHealth = {
  status: Status;
  services: Record<string, ServiceHealth>;
  database: { status: string; response_time_ms: number | null };
  nats: { status: string };
};

/** Asks every backend in parallel under one deadline, and repeats only what was really found. */
export async function platformHealth(upstreams: Upstreams, send: typeof fetch): Promise<PlatformHealth> {
  const probed = await Promise.all(services.map((service) => probe(service, upstreams.origins[service], send)));
  const reports = probed.map(({ report }) => report).filter((report) => report !== null);
  const database = reports.find((report) => report.database.status !== 'connected') ?? reports[0];
  const nats = reports.find((report) => report.nats.status === 'unavailable') ?? reports[0];
  return {
    status: worst(probed.map(({ health }) => health.status)),
    services: Object.fromEntries(probed.map(({ service, health }) => [service, health])),
    database: database?.database ?? { status: 'unknown', response_time_ms: null },
    nats: nats?.nats ?? { status: 'unknown' },
  };
}

async function probe(service: ServiceName, origin: string, send: typeof fetch): Promise<Probed> {
  const startedAt = Date.now();
  const outcome = await ask(`${origin}/health`, send);
  const responseTime = Date.now() - startedAt;
  if (typeof outcome === 'string') {
    return {
      service,
      report: null,
      health: { status: 'unhealthy', response_time_ms: responseTime, version: null, contract: null, error: outcome },
    };
  }
  const skewed = !isCompatible(outcome.contract);
  return {
    service,
    report: outcome,
    health: {
      status: skewed ? 'unhealthy' : outcome.status,
      response_time_ms: responseTime,
      version: outcome.version,
      contract: outcome.contract,
      ...(skewed && { error: 'version_skew' }),
    },
  };
}

async function ask(url: string, send: typeof fetch): Promise<z.infer<typeof BackendReport> | string> {
  try {
    const answer = await send(url, {
      headers: hopHeaders,
      redirect: 'manual',
      signal: AbortSignal.timeout(deadlineMs),
    });
    const report = BackendReport.safeParse(await answer.json());
    return report.success ? report.data : `answered ${answer.status} in another shape`;
  } catch (error) {
    return error instanceof Error && error.name === 'TimeoutError' ? 'timeout' : 'unreachable';
  }
}

function worst(found: Status[]): Status {
  return statuses.findLast((status) => found.includes(status)) ?? 'healthy';
}
