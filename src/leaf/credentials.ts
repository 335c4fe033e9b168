/** How a leaf proves who it is: by what stands in the URL, by an nkey seed, or by a credentials file. */
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { decodeNkeySeed, encodePublicNkey } from "../base/nkey.ts";

/** Fields of CONNECT. */
export interface Proof {
  readonly nkey?: string;
  readonly jwt?: string;
  readonly sig?: string;
  readonly user?: string;
  readonly pass?: string;
  readonly auth_token?: string;
}

export interface ProofSource {
  readonly credentialsFile: string | null;
  readonly nkeySeed: string | null;
}

/** What stands before the 32 bytes of an ed25519 seed in PKCS#8 (RFC 8410). */
const pkcs8Header = Buffer.from("302e020100300506032b657004220420", "hex");
const spkiHeaderBytes = 12;

/**
 * @param nonce from the hub's INFO
 * @throws Error when the file cannot be read or does not hold what it should
 */
export function proofOf(
  { credentialsFile, nkeySeed }: ProofSource,
  login: { readonly user: string | null; readonly password: string | null },
  nonce: string,
): Proof {
  return { ...keyProof(credentialsFile, nkeySeed, nonce), ...loginProof(login) };
}

function keyProof(credentialsFile: string | null, nkeySeed: string | null, nonce: string): Proof {
  if (credentialsFile !== null) {
    const { jwt, seed } = readCredentials(credentialsFile);
    return { jwt, sig: signNonce(seed, nonce).sig };
  }
  if (nkeySeed === null) return {};
  const { nkey, sig } = signNonce(nkeySeed, nonce);
  return { nkey, sig };
}

/** A user alone may as well be a token; which it is, the hub knows. */
function loginProof({
  user,
  password,
}: {
  readonly user: string | null;
  readonly password: string | null;
}): Proof {
  if (user === null) return {};
  return password === null ? { user, auth_token: user } : { user, pass: password };
}

/** The first block is the user's JWT, the second its seed, whatever their headings. */
export function readCredentials(file: string): { readonly jwt: string; readonly seed: string } {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`cannot read the credentials file ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const blocks = [...text.matchAll(/-{3,}[^\n]*-{3,}\r?\n([\w\-.=]+)\r?\n-{3,}[^\n]*-{3,}/g)];
  const [jwt, seed] = blocks.map((found) => found[1] as string);
  if (jwt === undefined || seed === undefined)
    throw new Error(`the credentials file ${file} does not hold a user JWT and a seed`);
  return { jwt, seed };
}

function signNonce(seed: string, nonce: string): { readonly nkey: string; readonly sig: string } {
  const decoded = decodeNkeySeed(seed);
  if (decoded?.kind !== "user") throw new Error("the nkey seed is malformed, or not a user's");
  const key = createPrivateKey({
    key: Buffer.concat([pkcs8Header, decoded.bytes]),
    format: "der",
    type: "pkcs8",
  });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return {
    nkey: encodePublicNkey({ kind: "user", bytes: spki.subarray(spkiHeaderBytes) }),
    sig: sign(null, Buffer.from(nonce, "latin1"), key).toString("base64url"),
  };
}
