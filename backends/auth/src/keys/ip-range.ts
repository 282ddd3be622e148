import { BlockList, isIP } from 'node:net';

type Range = { address: string; family: 'ipv4' | 'ipv6'; bits: number };

/** Whether every address of one range is in the other. What is no range is in none and holds none. */
export function isRangeWithin(inner: string, outer: string): boolean {
  const [one, other] = [parse(inner), parse(outer)];
  if (!one || !other || one.family !== other.family || one.bits < other.bits) return false;
  const list = new BlockList();
  list.addSubnet(other.address, other.bits, other.family);
  return list.check(one.address, one.family);
}

function parse(text: string): Range | null {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || address.includes('%') || rest.length > 0) return null;
  const most = version === 4 ? 32 : 128;
  const count = bits === undefined ? most : Number(bits);
  if (!Number.isInteger(count) || count < 0 || count > most) return null;
  return { address, family: version === 4 ? 'ipv4' : 'ipv6', bits: count };
}
