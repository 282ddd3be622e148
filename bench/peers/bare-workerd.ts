import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '../../ops/local/ports.ts';
import { startWorkerd } from '../../ops/local/workerd.ts';
import { untilAnswering, type StartPeer } from './peer.ts';

/** A Worker that does nothing but forward: the floor under every gateway on workerd. */
export const startBareWorkerd: StartPeer = async (vendorUrl, directory) => {
  const config = join(directory, 'bare.capnp');
  await writeFile(join(directory, 'bare.js'), scriptOf(vendorUrl));
  await writeFile(config, capnp);
  const [port = 0] = await freePorts(1);
  const workerd = await startWorkerd({ port, env: {}, config });
  const url = `http://127.0.0.1:${port}`;
  await untilAnswering(url, workerd.exited);
  return { leg: { name: 'workerd', url, headers: {}, model: 'bench' }, pid: workerd.pid, stop: () => workerd.stop() };
};

function scriptOf(vendorUrl: string): string {
  return `export default {
  fetch(request) {
    const url = new URL(request.url);
    return fetch(${JSON.stringify(vendorUrl)} + url.pathname + url.search, request);
  },
};
`;
}

const capnp = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "bare", worker = .bare),
    (name = "vendor", network = (allow = ["private", "public"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "bare")],
);
const bare :Workerd.Worker = (
  modules = [(name = "bare.js", esModule = embed "bare.js")],
  compatibilityDate = "2026-10-20",
  globalOutbound = "vendor",
);
`;
