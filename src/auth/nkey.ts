/**
 * NKeys: ed25519 public keys as text. 56 characters of base32 hold a prefix byte that says what kind of thing the key
 * stands for (and makes the text begin with its letter), the 32 bytes of the key, and a CRC-16 of both.
 */
import { createPublicKey, generateKeyPairSync, verify, type KeyObject } from "node:crypto";

export type NkeyKind = "account" | "cluster" | "operator" | "server" | "user" | "curve";

const prefixOf: Readonly<Record<NkeyKind, number>> = {
  account: 0,
  cluster: 2 << 3,
  server: 13 << 3,
  operator: 14 << 3,
  user: 20 << 3,
  curve: 23 << 3,
};

const base32Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const textLength = 56;
const keyBytes = 32;
const signatureBytes = 64;
/** What stands before the 32 bytes of an ed25519 key in its DER SubjectPublicKeyInfo (RFC 8410). */
const spkiHeader = Buffer.from("302a300506032b6570032100", "hex");

/** A public key that was read from its text, and can check what its owner signed. */
export class PublicNkey {
  readonly text: string;
  readonly kind: NkeyKind;
  readonly bytes: Uint8Array;
  /** Made when first needed: thousands of keys may be configured and few of them used. */
  #key: KeyObject | null = null;

  private constructor(text: string, kind: NkeyKind, bytes: Uint8Array) {
    this.text = text;
    this.kind = kind;
    this.bytes = bytes;
  }

  /** @returns null when `text` is not a public nkey, whatever it is */
  static parse(text: string): PublicNkey | null {
    const raw = text.length === textLength ? fromBase32(text) : null;
    if (raw === null) return null;
    const kind = kindOf(raw[0] as number);
    const checksum = raw.readUInt16LE(1 + keyBytes);
    if (kind === null || checksum !== crc16(raw.subarray(0, 1 + keyBytes))) return null;
    return new PublicNkey(text, kind, raw.subarray(1, 1 + keyBytes));
  }

  /**
   * Whether `signature` (base64 of 64 bytes, in the raw URL or the padded standard alphabet) is the owner's for the
   * bytes of `text`. False for anything else, never a throw.
   */
  verify(text: string, signature: string): boolean {
    const bytes = signatureFromText(signature);
    if (bytes === null || this.kind === "curve") return false;
    try {
      this.#key ??= createPublicKey({
        key: Buffer.concat([spkiHeader, this.bytes]),
        format: "der",
        type: "spki",
      });
      return verify(null, Buffer.from(text, "latin1"), this.#key, bytes);
    } catch {
      // OpenSSL throws for some byte strings that are no point on the curve.
      return false;
    }
  }
}

export function isPublicNkey(text: string, kind: NkeyKind): boolean {
  return PublicNkey.parse(text)?.kind === kind;
}

/** @param bytes the 32 bytes of the key */
export function textOfNkey(kind: NkeyKind, bytes: Uint8Array): string {
  if (bytes.length !== keyBytes) {
    throw new RangeError(`a public key has ${keyBytes} bytes, not ${bytes.length}`);
  }
  const raw = Buffer.alloc(1 + keyBytes + 2);
  raw[0] = prefixOf[kind];
  raw.set(bytes, 1);
  raw.writeUInt16LE(crc16(raw.subarray(0, 1 + keyBytes)), 1 + keyBytes);
  return toBase32(raw);
}

/** A new server's name for itself: the public key (`N…`) of a fresh key pair, whose private half nobody keeps. */
export function createServerId(): string {
  const { publicKey } = generateKeyPairSync("ed25519");
  const spki = publicKey.export({ format: "der", type: "spki" });
  return textOfNkey("server", spki.subarray(spkiHeader.length));
}

function signatureFromText(text: string): Buffer | null {
  const isRawUrl = /^[A-Za-z0-9_-]{86}$/.test(text);
  const isStandard = text.length === 88 && /^[A-Za-z0-9+/]{86}==$/.test(text);
  if (!isRawUrl && !isStandard) return null;
  const bytes = Buffer.from(text, isRawUrl ? "base64url" : "base64");
  return bytes.length === signatureBytes ? bytes : null;
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

/** What the text of a key or of a seed holds; the 35 bytes of a public key fill its 56 characters exactly. */
export function fromBase32(text: string): Buffer | null {
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
