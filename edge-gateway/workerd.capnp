# The gateway on plain workerd, without Cloudflare: compose, self-hosting, load tests.
# The same settings as wrangler.toml, read from the environment; a test fails when the two lists differ.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "gateway", worker = .gateway),
    (name = "backends", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", address = "*:8666", http = (), service = "gateway")],
);

const gateway :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "../dist/gateway/worker.js")],
  compatibilityDate = "2026-10-20",
  globalOutbound = "backends",
  bindings = [
    (name = "ENVIRONMENT", fromEnvironment = "ENVIRONMENT"),
    (name = "LOG_LEVEL", fromEnvironment = "LOG_LEVEL"),
    (name = "GIT_COMMIT", fromEnvironment = "GIT_COMMIT"),
    (name = "ALLOWED_ORIGINS", fromEnvironment = "ALLOWED_ORIGINS"),
    (name = "AUTH_SERVICE_URL", fromEnvironment = "AUTH_SERVICE_URL"),
    (name = "ASSET_SERVICE_URL", fromEnvironment = "ASSET_SERVICE_URL"),
    (name = "CHAT_SERVICE_URL", fromEnvironment = "CHAT_SERVICE_URL"),
    (name = "GATEWAY_SIGNING_KEY", fromEnvironment = "GATEWAY_SIGNING_KEY"),
  ],
);
