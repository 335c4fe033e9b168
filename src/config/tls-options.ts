/** The `tls` block when it is complete. */

export interface TlsOptions {
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly caFile: string | null;
  /** Further certificate pairs; SNI picks among them. */
  readonly certificates: readonly { readonly certFile: string; readonly keyFile: string }[];
  /** `optional`: a client may show no certificate; one that it shows must be good. */
  readonly verify: boolean | "optional";
  readonly verifyAndMap: boolean;
  readonly timeoutMs: number;
  /** `"after-info"`: INFO in clear, then the handshake. `"first"`: handshake before INFO. A number: wait that long, then INFO. */
  readonly handshakeFirst: "after-info" | "first" | { readonly fallbackMs: number };
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** OpenSSL cipher list and curve list; null for the runtime's defaults. */
  readonly ciphers: string | null;
  readonly curves: string | null;
  /** Lower-case hex SHA-256 of the certificate's SubjectPublicKeyInfo. Empty: not pinned. */
  readonly pinnedCerts: readonly string[];
  /** New TLS connections a second; 0 means unlimited. */
  readonly connectionRateLimit: number;
}
