/** Public nkeys in configuration: enough to tell a good one from a mistyped one, before anybody uses it. */

/** What a public key is for, as its first letter says. */
export type NkeyKind = "user" | "account";

const prefixBytes: Readonly<Record<NkeyKind, number>> = { user: 20 << 3, account: 0 };
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** One prefix byte, 32 bytes of key, two of checksum. */
const keyBytes = 35;

/** Base32 of prefix, ed25519 key and CRC-16 (XMODEM, little endian), as the nkeys project lays it out. */
export function isPublicNkey(text: string, kind: NkeyKind): boolean {
  const bytes = decodeBase32(text);
  if (bytes === null || bytes.length !== keyBytes || bytes[0] !== prefixBytes[kind]) return false;
  const checksum = (bytes[keyBytes - 2] as number) | ((bytes[keyBytes - 1] as number) << 8);
  return crc16(bytes.slice(0, keyBytes - 2)) === checksum;
}

function decodeBase32(text: string): number[] | null {
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const char of text) {
    const value = alphabet.indexOf(char);
    if (value < 0) return null;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((held >> bits) & 0xff);
  }
  return bytes;
}

function crc16(bytes: readonly number[]): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

/** A user's private half, `SU…`: two prefix bytes, the second spread over both, 32 bytes of seed, and the checksum. */
export function isNkeySeed(text: string): boolean {
  const bytes = decodeBase32(text);
  if (bytes === null || bytes.length !== keyBytes + 1) return false;
  const kind = (((bytes[0] as number) & 7) << 5) | ((bytes[1] as number) >> 3);
  const checksum = (bytes[keyBytes - 1] as number) | ((bytes[keyBytes] as number) << 8);
  return (
    ((bytes[0] as number) & 0xf8) === 18 << 3 &&
    kind === prefixBytes.user &&
    crc16(bytes.slice(0, keyBytes - 1)) === checksum
  );
}
