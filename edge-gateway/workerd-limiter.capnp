# The one process that counts the requests of limited keys for all the gateway processes of a machine: each of them would
# have Durable Objects of its own. It listens where ops/gateway/plan.ts says, never in public.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "limits", worker = .limits),
    (name = "disk", disk = (path = "limits", writable = true)),
    (name = "nowhere", network = (allow = [])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:8667", http = (), service = (name = "limits", entrypoint = "Limiter"))],
);

const limits :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "../dist/gateway/worker.js")],
  compatibilityDate = "2026-10-20",
  globalOutbound = "nowhere",
  durableObjectNamespaces = [(className = "KeyLimits", uniqueKey = "gaia-key-limits", enableSql = true)],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [(name = "KEY_LIMITS", durableObjectNamespace = "KeyLimits")],
);
