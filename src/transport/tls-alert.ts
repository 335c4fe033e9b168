/**
 * Tells a client why its certificate is refused. Node lets OpenSSL finish the handshake whatever the certificate, looks at
 * it afterwards and closes, so that the client never hears of an alert. In TLS 1.3 the alert can be made here: what the
 * server writes is encrypted with a secret that Node gives away (`keylog`), and when the handshake is done nothing has
 * been written with it, so the alert is its first record. In TLS 1.2 the keys need more than Node tells.
 * Source: RFC 8446, 5.2, 5.3 and 7.3.
 */
import { createCipheriv, createHmac, type CipherGCMTypes } from "node:crypto";
import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";

/** What of Node's encrypted sockets is not in its type definitions. */
interface Verifying {
  readonly _handle: { readonly verifyError?: () => { readonly code?: string } | null } | null;
  _rejectUnauthorized: boolean;
}

/** Source: Go `alertCertificateExpired`, `alertUnknownCA`, `alertBadCertificate`, as nats-server sends them. */
const alerts: Readonly<Record<string, number>> = {
  CERT_HAS_EXPIRED: 45,
  CERT_NOT_YET_VALID: 45,
  CERT_REVOKED: 44,
  UNABLE_TO_GET_ISSUER_CERT: 48,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 48,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 48,
  DEPTH_ZERO_SELF_SIGNED_CERT: 48,
  SELF_SIGNED_CERT_IN_CHAIN: 48,
};
const badCertificate = 42;

/** @param code of the error that OpenSSL found in a certificate. */
export function alertFor(code: string): number {
  return alerts[code] ?? badCertificate;
}

/**
 * From now on the server's clients hear why their certificates are not valid: by an alert in TLS 1.3. In TLS 1.2 the
 * server hands the connection over all the same, with `authorized` false, for whoever takes it to say so.
 * @param rawOf the socket under an encrypted one; null when it is gone
 * @param onAlert the alert is on its way, and nothing else can be written any more
 */
export function alertInvalidCertificates(
  server: Server,
  rawOf: (socket: TLSSocket) => Socket | null,
  onAlert: (socket: TLSSocket) => void,
): void {
  server.on("keylog", (line: Buffer, socket: TLSSocket) => {
    const [label, , secret = ""] = line.toString("latin1").trim().split(" ");
    if (label !== "SERVER_TRAFFIC_SECRET_0" && label !== "CLIENT_RANDOM") return;
    // Before Node looks at the certificate itself.
    socket.prependOnceListener("secure", () => {
      const verifying = socket as unknown as Verifying;
      const code = verifying._handle?.verifyError?.()?.code;
      if (code === undefined || socket.getPeerX509Certificate() === undefined) return;
      if (label === "CLIENT_RANDOM") {
        verifying._rejectUnauthorized = false;
        return;
      }
      const record = alertRecord(Buffer.from(secret, "hex"), socket.getCipher().standardName, alertFor(code));
      if (record === null) return;
      rawOf(socket)?.write(record);
      onAlert(socket);
    });
  });
}

interface Suite {
  readonly cipher: string;
  readonly hash: string;
  readonly keyBytes: number;
}

/** By their standard names. */
const suites: Readonly<Record<string, Suite>> = {
  TLS_AES_128_GCM_SHA256: { cipher: "aes-128-gcm", hash: "sha256", keyBytes: 16 },
  TLS_AES_256_GCM_SHA384: { cipher: "aes-256-gcm", hash: "sha384", keyBytes: 32 },
  TLS_CHACHA20_POLY1305_SHA256: { cipher: "chacha20-poly1305", hash: "sha256", keyBytes: 32 },
};
const fatal = 2;
const alertType = 21;
const ivBytes = 12;
const tagBytes = 16;

/** The first record that is written with the traffic secret; null for a suite that is not known. */
function alertRecord(secret: Buffer, suiteName: string, alert: number): Buffer | null {
  const suite = suites[suiteName];
  if (suite === undefined) return null;
  const key = expandLabel(secret, suite.hash, "key", suite.keyBytes);
  // The number of the record, 0, would be added to it.
  const iv = expandLabel(secret, suite.hash, "iv", ivBytes);
  const plain = Buffer.from([fatal, alert, alertType]);
  const head = Buffer.from([23, 3, 3, 0, plain.length + tagBytes]);
  const cipher = createCipheriv(suite.cipher as CipherGCMTypes, key, iv, { authTagLength: tagBytes });
  cipher.setAAD(head, { plaintextLength: plain.length });
  return Buffer.concat([head, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** HKDF-Expand-Label without a context, for no more bytes than the hash has. */
function expandLabel(secret: Buffer, hash: string, name: string, bytes: number): Buffer {
  const label = Buffer.from(`tls13 ${name}`);
  const info = Buffer.concat([Buffer.from([0, bytes, label.length]), label, Buffer.from([0, 1])]);
  return createHmac(hash, secret).update(info).digest().subarray(0, bytes);
}
