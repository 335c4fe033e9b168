/**
 * NKeys: ed25519 keys as text. Base32 holds a prefix byte that says what kind of thing the key stands for (and makes the
 * text begin with its letter), the 32 bytes of the key, and a CRC-16 of both, little endian. A seed, which is the
 * private half, has two prefix bytes: that of all seeds (`S`), and that of its kind spread over what is left of both.
 */

export type NkeyKind = "account" | "cluster" | "operator" | "server" | "user" | "curve";

export interface DecodedNkey {
  readonly kind: NkeyKind;
  /** 32 of them. */
  readonly bytes: Uint8Array;
}

const prefixOf: Readonly<Record<NkeyKind, number>> = {
  account: 0,
  cluster: 2 << 3,
  server: 13 << 3,
  operator: 14 << 3,
  user: 20 << 3,
  curve: 23 << 3,
};
const seedPrefix = 18 << 3;

const base32Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const keyBytes = 32;
const checksumBytes = 2;

/** @returns null when `text` is not a public nkey, whatever it is */
export function decodePublicNkey(text: string): DecodedNkey | null {
  const raw = checkedBytes(text, 1);
  const kind = raw === null ? null : kindOf(raw[0] as number);
  return raw === null || kind === null ? null : { kind, bytes: raw.subarray(1) };
}

/** @returns null when `text` is not the seed of a key pair, whatever it is */
export function decodeNkeySeed(text: string): DecodedNkey | null {
  const raw = checkedBytes(text, 2);
  if (raw === null) return null;
  const [first, second] = raw as unknown as readonly [number, number];
  const kind = kindOf(((first & 7) << 5) | (second >> 3));
  return (first & 0xf8) !== seedPrefix || kind === null ? null : { kind, bytes: raw.subarray(2) };
}

/** @throws RangeError unless `bytes` are 32 */
export function encodePublicNkey({ kind, bytes }: DecodedNkey): string {
  if (bytes.length !== keyBytes) {
    throw new RangeError(`a public key has ${keyBytes} bytes, not ${bytes.length}`);
  }
  const raw = Buffer.alloc(1 + keyBytes + checksumBytes);
  raw[0] = prefixOf[kind];
  raw.set(bytes, 1);
  raw.writeUInt16LE(crc16(raw.subarray(0, 1 + keyBytes)), 1 + keyBytes);
  return toBase32(raw);
}

export function isPublicNkey(text: string, kind: NkeyKind): boolean {
  return decodePublicNkey(text)?.kind === kind;
}

/** What stands before the checksum, when that and the length of the text are right. */
function checkedBytes(text: string, prefixBytes: number): Buffer | null {
  const length = prefixBytes + keyBytes;
  if (text.length !== Math.ceil(((length + checksumBytes) * 8) / 5)) return null;
  const raw = fromBase32(text);
  return raw === null || raw.readUInt16LE(length) !== crc16(raw.subarray(0, length))
    ? null
    : raw.subarray(0, length);
}

function kindOf(prefix: number): NkeyKind | null {
  for (const [kind, byte] of Object.entries(prefixOf)) if (byte === prefix) return kind as NkeyKind;
  return null;
}

function toBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let bitCount = 0;
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xfff;
    for (bitCount += 8; bitCount >= 5; bitCount -= 5) {
      text += base32Digits[(bits >> (bitCount - 5)) & 31] as string;
    }
  }
  return text;
}

function fromBase32(text: string): Buffer | null {
  const bytes = Buffer.alloc(Math.floor((text.length * 5) / 8));
  let bits = 0;
  let bitCount = 0;
  let length = 0;
  for (const digit of text) {
    const value = base32Digits.indexOf(digit);
    if (value < 0) return null;
    bits = ((bits << 5) | value) & 0xfff;
    bitCount += 5;
    if (bitCount < 8) continue;
    bitCount -= 8;
    bytes[length++] = (bits >> bitCount) & 0xff;
  }
  return bytes;
}

/** CRC-16/XMODEM: polynomial 0x1021, starting at zero. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}
