import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchStack } from './bench-stack.ts';
import type { Leg } from './load.ts';
import { startBareWorkerd } from './peers/bare-workerd.ts';
import { startNginx } from './peers/nginx.ts';
import { startNodeProxy } from './peers/node-proxy.ts';
import { startPortkey } from './peers/portkey.ts';
import type { Peer, StartPeer } from './peers/peer.ts';

export const legTitles = {
  direct: 'direct to the vendor',
  nginx: 'nginx',
  node: 'Node, undici',
  workerd: 'bare workerd',
  portkey: 'Portkey',
  chat: 'our chat alone',
  translated: 'our chat, translating',
  'workerd-chat': 'bare workerd and chat',
  gateway: 'our gateway and chat',
} as const;

export type LegName = keyof typeof legTitles;
export const legNames: readonly LegName[] = [
  'direct',
  'nginx',
  'node',
  'workerd',
  'portkey',
  'chat',
  'translated',
  'workerd-chat',
  'gateway',
];

/** A way to the vendor, and the processes on it whose CPU is its price. */
export type MeasuredLeg = { name: LegName; pids: Record<string, number>; leg: () => Promise<Leg> };

export type Legs = { legs: MeasuredLeg[]; skipped: Record<string, string>; stop: () => Promise<void> };

const peers: Partial<Record<LegName, StartPeer>> = {
  nginx: startNginx,
  node: startNodeProxy,
  workerd: startBareWorkerd,
  portkey: startPortkey,
};

/** Everything that stands to be compared, in front of the same vendor and running all the time. */
export async function startLegs(stack: BenchStack, directory: string, wanted: readonly LegName[]): Promise<Legs> {
  await using started = new AsyncDisposableStack();
  const legs: MeasuredLeg[] = [];
  const skipped: Record<string, string> = {};
  for (const name of wanted) {
    const found = await findLeg(name, stack, directory);
    if ('skipped' in found) {
      skipped[name] = found.skipped;
      continue;
    }
    legs.push(found.leg);
    started.defer(found.stop);
  }
  const all = started.move();
  return { legs, skipped, stop: () => all.disposeAsync() };
}

async function findLeg(name: LegName, stack: BenchStack, directory: string): Promise<Found | { skipped: string }> {
  const start = peers[name];
  if (start) return await peerLeg(name, await start(stack.vendorUrl, directory));
  if (name === 'workerd-chat') return await workerdBeforeChat(stack, directory);
  return { leg: ownLeg(name, stack), stop: async () => undefined };
}

type Found = { leg: MeasuredLeg; stop: () => Promise<void> };

async function peerLeg(name: LegName, peer: Peer | { skipped: string }): Promise<Found | { skipped: string }> {
  if ('skipped' in peer) return peer;
  return { leg: { name, pids: { [name]: peer.pid }, leg: async () => peer.leg }, stop: peer.stop };
}

/** What workerd costs where the gateway stands: chat answers later than the vendor, one by one, and says more. */
async function workerdBeforeChat(stack: BenchStack, directory: string): Promise<Found | { skipped: string }> {
  const own = await mkdtemp(join(directory, 'workerd-chat-'));
  const found = await peerLeg('workerd-chat', await startBareWorkerd(stack.chatUrl, own));
  if ('skipped' in found) return found;
  const { leg, ...measured } = found.leg;
  const asGateway = async (): Promise<Leg> => {
    const [headers, { url }] = await Promise.all([stack.chatHeaders(), leg()]);
    return { name: 'workerd-chat', url, headers, model: 'bench/bench' };
  };
  return { ...found, leg: { ...measured, leg: asGateway } };
}

/** The second one's vendor speaks Anthropic's protocol. */
const chatModels: Partial<Record<LegName, string>> = {
  chat: 'bench/bench',
  translated: 'anthropic/claude-haiku-4-5',
};

function ownLeg(name: LegName, stack: BenchStack): MeasuredLeg {
  const { vendorUrl, chatUrl, gatewayUrl, callerHeaders, pids } = stack;
  const only = (...names: string[]): Record<string, number> =>
    Object.fromEntries(names.flatMap((process) => (pids[process] === undefined ? [] : [[process, pids[process]]])));
  if (name === 'direct') {
    return { name, pids: {}, leg: async () => ({ name, url: vendorUrl, headers: {}, model: 'bench' }) };
  }
  const chatModel = chatModels[name];
  if (chatModel) {
    return {
      name,
      pids: only('chat', 'postgres'),
      leg: async () => ({ name, url: chatUrl, headers: await stack.chatHeaders(), model: chatModel }),
    };
  }
  const leg = { name, url: gatewayUrl, headers: callerHeaders, model: 'bench/bench' };
  return { name, pids: only('gateway', 'limiter', 'auth', 'chat', 'postgres'), leg: async () => leg };
}
