import { createAssertionSigner } from '#shared/identity/assertion-sign.ts';
import { ConfigError } from '#shared/config.ts';
import { AppError } from '#shared/http/error.ts';
import { renderProblem } from '#shared/http/problem.ts';
import { newId } from '#shared/id.ts';
import { createLogger } from '#shared/log.ts';
import { createApp, type App } from './app.ts';
import { createAssertions } from './auth/assertion.ts';
import { readConfig, type Config } from './config.ts';
import { createIdentities } from './auth/create-identities.ts';
import { bindLimits, type LimitBindings } from './limits/bind-limits.ts';
import { createUpstreams } from './upstreams/table.ts';

export { KeyLimits } from './limits/key-limits.ts';
export { Limiter } from './limits/limiter.ts';

/** What wrangler.toml binds and plain workerd does not. */
type Bindings = LimitBindings & { CF_VERSION_METADATA?: WorkerVersionMetadata };

let app: App | undefined;

export default {
  async fetch(request, env, context): Promise<Response> {
    try {
      app ??= build(readConfig({ ...env }), env);
      return await app.fetch(request, context);
    } catch (error) {
      return notConfigured(request, error);
    }
  },
} satisfies ExportedHandler<Env>;

/** Wires one isolate. Nothing here does I/O: a connection made outside a request would hang the next one. */
function build(config: Config, bindings: Bindings): App {
  const log = createLogger({ service: 'gateway', level: config.LOG_LEVEL, write: printLine });
  const assertions = createAssertions(createAssertionSigner(config.GATEWAY_SIGNING_KEY));
  const upstreams = createUpstreams(config);
  const send: typeof fetch = (input, init) => fetch(input, init);
  const identities = createIdentities({ config, assertions, send });
  const limits = bindLimits(config, bindings);
  const deployment = bindings.CF_VERSION_METADATA?.id;
  return createApp({ config, log, assertions, identities, limits, deployment, upstreams, send });
}

function printLine(line: string): void {
  console.log(line); // oxlint-disable-line no-console -- workerd's console is where a Worker's log lines go
}

/** A Worker has no start-up to refuse, so a wrong configuration refuses every request and names the variables in the log. */
function notConfigured(request: Request, error: unknown): Response {
  const log = createLogger({ service: 'gateway', level: 'error', write: printLine });
  log.error(error instanceof ConfigError ? error.message : 'the gateway could not start', { error });
  const problem = renderProblem(new AppError('unavailable', 'The gateway is not configured'), {
    path: new URL(request.url).pathname,
    requestId: newId('req'),
  });
  return new Response(problem.body, problem);
}
