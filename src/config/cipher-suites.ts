/** The names that Go and nats-server have for cipher suites and curves, and those that OpenSSL has. */

export interface CipherSuite {
  readonly openssl: string;
  /** Refused unless `allow_insecure_cipher_suites` is set: Go lists it so. */
  readonly insecure: boolean;
}

/** Always offered, whatever the list says: Go's TLS 1.3 suites are not a matter of configuration. */
export const tls13Suites: readonly string[] = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
];

const secure: readonly (readonly [string, string])[] = [
  ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"],
  ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"],
  ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"],
  ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"],
  ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"],
  ["TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"],
  ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"],
  ["TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"],
];

const insecure: readonly (readonly [string, string])[] = [
  ["TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"],
  ["TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"],
  ["TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256"],
  ["TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"],
  ["TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"],
  ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"],
  ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"],
];

export const cipherSuites: ReadonlyMap<string, CipherSuite> = new Map<string, CipherSuite>([
  ...tls13Suites.map((name): [string, CipherSuite] => [name, { openssl: name, insecure: false }]),
  ...secure.map(([name, openssl]): [string, CipherSuite] => [name, { openssl, insecure: false }]),
  ...insecure.map(([name, openssl]): [string, CipherSuite] => [name, { openssl, insecure: true }]),
]);

/** Known to Go, and in no OpenSSL that Node is built with. */
export const lostCipherSuites: ReadonlySet<string> = new Set([
  "TLS_RSA_WITH_RC4_128_SHA",
  "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
  "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
  "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
  "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
]);

export interface Curve {
  readonly openssl: string;
  /** With a post-quantum half, which OpenSSL has since 3.5. */
  readonly hybrid: boolean;
}

export const curves: ReadonlyMap<string, Curve> = new Map([
  ["X25519", { openssl: "X25519", hybrid: false }],
  ["CurveP256", { openssl: "P-256", hybrid: false }],
  ["CurveP384", { openssl: "P-384", hybrid: false }],
  ["CurveP521", { openssl: "P-521", hybrid: false }],
  ["X25519MLKEM768", { openssl: "X25519MLKEM768", hybrid: true }],
  ["SecP256r1MLKEM768", { openssl: "SecP256r1MLKEM768", hybrid: true }],
  ["SecP384r1MLKEM1024", { openssl: "SecP384r1MLKEM1024", hybrid: true }],
]);

/** Whether the OpenSSL of this process knows hybrid curves. */
export function knowsHybridCurves(openssl: string = process.versions.openssl): boolean {
  const [major = 0, minor = 0] = openssl.split(".").map(Number);
  return major > 3 || (major === 3 && minor >= 5);
}
