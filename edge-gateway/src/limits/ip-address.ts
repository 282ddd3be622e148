/** An address as its 4 or 16 bytes. An IPv4 address in IPv6 clothes (`::ffff:1.2.3.4`) is the IPv4 address. */
export type IpAddress = readonly number[];

export type IpRange = { address: IpAddress; bits: number };

/** Null: not an address. Strict, because two readings of one text would be a way around a restriction. */
export function parseIpAddress(text: string): IpAddress | null {
  if (!text.includes(':')) return parseV4(text);
  const bytes = parseV6(text);
  return bytes && isMapped(bytes) ? bytes.slice(12) : bytes;
}

/** Reads `192.0.2.0/24`, `2001:db8::/32`, or one address. Null: not a range. */
export function parseIpRange(text: string): IpRange | null {
  const [base = '', prefix, ...rest] = text.split('/');
  const bytes = base.includes(':') ? parseV6(base) : parseV4(base);
  if (!bytes || rest.length > 0) return null;
  const bits = prefix === undefined ? bytes.length * 8 : decimal(prefix, bytes.length * 8);
  if (bits === null) return null;
  // A range inside ::ffff:0:0/96 is one of IPv4; a wider one says nothing about IPv4 and stays what it is.
  const mapped = bytes.length === 16 && bits >= 96 && isMapped(bytes);
  return mapped ? { address: bytes.slice(12), bits: bits - 96 } : { address: bytes, bits };
}

export function isInRange(address: IpAddress, range: IpRange): boolean {
  if (address.length !== range.address.length) return false;
  const wholeBytes = range.bits >> 3;
  for (let index = 0; index < wholeBytes; index += 1) if (address[index] !== range.address[index]) return false;
  const restBits = range.bits & 7;
  if (restBits === 0) return true;
  const mask = 0xff << (8 - restBits);
  return ((address[wholeBytes] ?? 0) & mask) === ((range.address[wholeBytes] ?? 0) & mask);
}

function parseV4(text: string): number[] | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  const bytes = parts.map((part) => decimal(part, 255)).filter((byte) => byte !== null);
  return bytes.length === 4 ? bytes : null;
}

function parseV6(text: string): number[] | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head, tail] = [groups(halves[0] ?? '', halves.length === 1), groups(halves[1] ?? '', true)];
  if (!head || !tail) return null;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1) return missing === 0 ? head : null;
  return missing >= 2 ? [...head, ...Array<number>(missing).fill(0), ...tail] : null;
}

/** The bytes of `a:b:c`, which may end in an IPv4 address where it is the end of the whole. */
function groups(text: string, mayEndInV4: boolean): number[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const bytes: number[] = [];
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    const found = isLast && mayEndInV4 && part.includes('.') ? parseV4(part) : group(part);
    if (!found) return null;
    bytes.push(...found);
  }
  return bytes;
}

function group(text: string): number[] | null {
  if (!/^[0-9a-f]{1,4}$/i.test(text)) return null;
  const value = Number.parseInt(text, 16);
  return [value >> 8, value & 0xff];
}

/** A leading zero is refused: some read it as octal. */
function decimal(text: string, max: number): number | null {
  if (!/^(?:0|[1-9]\d{0,2})$/.test(text)) return null;
  const value = Number(text);
  return value <= max ? value : null;
}

function isMapped(bytes: readonly number[]): boolean {
  return bytes[10] === 0xff && bytes[11] === 0xff && bytes.slice(0, 10).every((byte) => byte === 0);
}
