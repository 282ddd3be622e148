import { BlockList, isIP } from 'node:net';

/** Inside what IANA gives out as IPv4 unicast (1.0.0.0 to 223.255.255.255): what is nobody's public host. */
const reserved4 = list('ipv4', [
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT, and Alibaba's metadata
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // Azure's metadata, on an address that looks public
  '169.254.0.0/16', // link-local, and everybody else's metadata
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // multicast tunnels
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
]);
const beyondUnicast4 = list('ipv4', ['0.0.0.0/8', '224.0.0.0/3']);

/** Unique local, link- and site-local, multicast, NAT64 and IPv4 in disguise are all outside of this. */
const unicast6 = list('ipv6', ['2000::/3']);
const reserved6 = list('ipv6', [
  '2001::/23', // protocol assignments: Teredo, benchmarks, ORCHID
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4, which carries any IPv4 address
  '2620:4f:8000::/48', // AS112
  '3ffe::/16', // 6bone
  '3fff::/20', // documentation
]);

/** Whether an address can only be somebody's host on the internet. What is not known to be public is not. */
export function isPublicAddress(address: string): boolean {
  if (address.includes('%')) return false; // A zone: the address means something on one of our own links only.
  const version = isIP(address);
  if (version === 4) return !beyondUnicast4.check(address, 'ipv4') && !reserved4.check(address, 'ipv4');
  return version === 6 && unicast6.check(address, 'ipv6') && !reserved6.check(address, 'ipv6');
}

function list(family: 'ipv4' | 'ipv6', ranges: readonly string[]): BlockList {
  const blocks = new BlockList();
  for (const range of ranges) {
    const [base = '', bits] = range.split('/');
    blocks.addSubnet(base, Number(bits), family);
  }
  return blocks;
}
