/** Public nkeys that check signatures, by the ed25519 of Node's OpenSSL. */
import { createPublicKey, generateKeyPairSync, verify, type KeyObject } from "node:crypto";
import { decodePublicNkey, encodePublicNkey, type NkeyKind } from "../base/nkey.ts";

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
    const decoded = decodePublicNkey(text);
    return decoded === null ? null : new PublicNkey(text, decoded.kind, decoded.bytes);
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

/** A new server's name for itself: the public key (`N…`) of a fresh key pair, whose private half nobody keeps. */
export function createServerId(): string {
  const { publicKey } = generateKeyPairSync("ed25519");
  const spki = publicKey.export({ format: "der", type: "spki" });
  return encodePublicNkey({ kind: "server", bytes: spki.subarray(spkiHeader.length) });
}

function signatureFromText(text: string): Buffer | null {
  const isRawUrl = /^[A-Za-z0-9_-]{86}$/.test(text);
  const isStandard = text.length === 88 && /^[A-Za-z0-9+/]{86}==$/.test(text);
  if (!isRawUrl && !isStandard) return null;
  const bytes = Buffer.from(text, isRawUrl ? "base64url" : "base64");
  return bytes.length === signatureBytes ? bytes : null;
}
