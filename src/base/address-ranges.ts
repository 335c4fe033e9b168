/** IP addresses and CIDR ranges (`10.0.0.0/8`, `2001:db8::/32`, a single address), without the network. */

const v4Prefix = 0xffffn << 32n;
const addressBits = 128;
const v4Bits = 32;

interface Range {
  /** What is left of an address without its host bits. */
  readonly network: bigint;
  readonly hostBits: bigint;
}

/** Ranges of which one may be asked. IPv4 addresses are the same mapped into IPv6 or not. */
export class AddressRanges {
  readonly #ranges: readonly Range[];

  /** @throws RangeError naming what is neither an address nor a range */
  constructor(texts: readonly string[]) {
    this.#ranges = texts.map(parseRange);
  }

  has(address: string): boolean {
    const value = parseAddress(address);
    return value !== null && this.#ranges.some(({ network, hostBits }) => value >> hostBits === network);
  }
}

export function isAddress(text: string): boolean {
  return parseAddress(text) !== null;
}

function parseRange(text: string): Range {
  const [, address = "", prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const value = parseAddress(address);
  const width = address.includes(":") ? addressBits : v4Bits;
  const kept = prefix === undefined ? width : Number(prefix);
  if (value === null || kept > width)
    throw new RangeError(`${JSON.stringify(text)} is no IP address and no range such as "10.0.0.0/8"`);
  const hostBits = BigInt(width - kept);
  return { network: value >> hostBits, hostBits };
}

/** 128 bits; null for what is no address. */
function parseAddress(text: string): bigint | null {
  const v4 = parseV4(text);
  if (v4 !== null) return v4Prefix | v4;
  const halves = embeddedV4AsGroups(text).split("::");
  if (!text.includes(":") || halves.length > 2) return null;
  const [head = [], tail = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

function parseV4(text: string): bigint | null {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return null;
  const octets = text.split(".").map(Number);
  if (octets.some((octet) => octet > 255)) return null;
  return octets.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}

/** `::ffff:192.0.2.1` as `::ffff:c000:201`. */
function embeddedV4AsGroups(text: string): string {
  const colon = text.lastIndexOf(":");
  const v4 = parseV4(text.slice(colon + 1));
  if (v4 === null) return text;
  return `${text.slice(0, colon + 1)}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
}
