import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '../../ops/local/ports.ts';
import { run, start } from '../../ops/run.ts';
import { untilAnswering, type StartPeer } from './peer.ts';

const programs = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx', '/opt/homebrew/bin/nginx'];

/** nginx as a plain proxy with one worker: the floor that a program written for nothing else sets. */
export const startNginx: StartPeer = async (vendorUrl, directory) => {
  const program = (await findNginx()) ?? (await installNginx());
  if (program === null) return { skipped: 'nginx is not installed, and only root on Debian can install it by itself' };
  const [port = 0] = await freePorts(1);
  const config = join(directory, 'nginx.conf');
  await writeFile(config, configOf(port, new URL(vendorUrl).host, directory));
  const nginx = await start({ argv: [program, '-c', config, '-e', join(directory, 'nginx-error.log')] });
  const url = `http://127.0.0.1:${port}`;
  await untilAnswering(url, nginx.exited);
  return { leg: { name: 'nginx', url, headers: {}, model: 'bench' }, pid: nginx.pid, stop: () => nginx.stop() };
};

async function findNginx(): Promise<string | null> {
  for (const program of programs) {
    const found = await access(program).then(
      () => true,
      () => false,
    );
    if (found) return program;
  }
  return null;
}

async function installNginx(): Promise<string | null> {
  if (process.getuid?.() !== 0) return null;
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const { code } = await run({ argv: ['apt-get', 'install', '-y', '-qq', 'nginx-light'], env }).catch(() => ({
    code: 1,
  }));
  return code === 0 ? await findNginx() : null;
}

function configOf(port: number, vendor: string, directory: string): string {
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${join(directory, kind)};`)
    .join(' ');
  return `
daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${join(directory, 'nginx.pid')};
events { worker_connections 4096; }
http {
  access_log off;
  ${folders}
  keepalive_requests 10000000;
  upstream vendor { server ${vendor}; keepalive 256; keepalive_requests 10000000; }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / {
      proxy_pass http://vendor;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}
