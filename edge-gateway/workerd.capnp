# The gateway on plain workerd, without Cloudflare: `npm run gateway`, the container image, load tests.
# Every variable of src/config.ts, read from the environment; a test fails when the two lists differ.
using Workerd = import "/workerd/workerd.capnp";

# One of the processes that serve requests. ops/gateway/plan.ts says where the limiter listens.
const config :Workerd.Config = (
  services = [
    (name = "gateway", worker = .gateway),
    (name = "backends", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
    (name = "limiter", external = (address = "127.0.0.1:8667", http = ())),
  ],
  sockets = [(name = "http", address = "*:8666", http = (), service = "gateway")],
);

const gateway :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "../dist/gateway/worker.js")],
  compatibilityDate = "2026-10-20",
  globalOutbound = "backends",
  bindings = [
    (name = "LIMITER", service = "limiter"),
    (name = "ENVIRONMENT", fromEnvironment = "ENVIRONMENT"),
    (name = "LOG_LEVEL", fromEnvironment = "LOG_LEVEL"),
    (name = "GIT_COMMIT", fromEnvironment = "GIT_COMMIT"),
    (name = "ALLOWED_ORIGINS", fromEnvironment = "ALLOWED_ORIGINS"),
    (name = "AUTH_SERVICE_URL", fromEnvironment = "AUTH_SERVICE_URL"),
    (name = "ASSET_SERVICE_URL", fromEnvironment = "ASSET_SERVICE_URL"),
    (name = "CHAT_SERVICE_URL", fromEnvironment = "CHAT_SERVICE_URL"),
    (name = "UPSTREAM_FIRST_BYTE_SECONDS", fromEnvironment = "UPSTREAM_FIRST_BYTE_SECONDS"),
    (name = "TRUSTED_ADDRESS_HEADER", fromEnvironment = "TRUSTED_ADDRESS_HEADER"),
    (name = "ADDRESS_FLOOD_LIMIT", fromEnvironment = "ADDRESS_FLOOD_LIMIT"),
    (name = "KEY_FLOOD_LIMIT", fromEnvironment = "KEY_FLOOD_LIMIT"),
    (name = "GATEWAY_SIGNING_KEY", fromEnvironment = "GATEWAY_SIGNING_KEY"),
    (name = "KEY_STORE", fromEnvironment = "KEY_STORE"),
    (name = "KEY_STORE_FALLBACK", fromEnvironment = "KEY_STORE_FALLBACK"),
    (name = "DATABASE_URL", fromEnvironment = "DATABASE_URL"),
    (name = "NEON_HTTP_ENDPOINT", fromEnvironment = "NEON_HTTP_ENDPOINT"),
    (name = "REVOCATION_GRACE_SECONDS", fromEnvironment = "REVOCATION_GRACE_SECONDS"),
    (name = "SUPABASE_URL", fromEnvironment = "SUPABASE_URL"),
    (name = "SUPABASE_JWT_SECRET", fromEnvironment = "SUPABASE_JWT_SECRET"),
  ],
);
