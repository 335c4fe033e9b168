/**
 * Certificates and keys from PEM files, checked where they are read, so that what is wrong is said with the file's
 * name instead of by a failed handshake. Gives what {@link TlsGate} needs to answer handshakes.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";

/** What of a listener's TLS options concerns the handshake. Null means "not configured". */
export interface TlsSettings {
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly caFile: string | null;
  /** Further pairs; the name that the client asks for picks among all of them, the first one answers any other name. */
  readonly certificates: readonly { readonly certFile: string; readonly keyFile: string }[];
  /**
   * Ask for a certificate of the client's, and refuse one that the authorities in `caFile` have not signed.
   * `optional` lets in clients that show none.
   */
  readonly verify: boolean | "optional";
  readonly timeoutMs: number;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** OpenSSL cipher list and curve list. */
  readonly ciphers: string | null;
  readonly curves: string | null;
}

/** Sessions are resumed only where they began; without a name of its own a listener that asks for certificates resumes none. */
const sessionIdContext = "frond";

interface Entry {
  readonly leaf: X509Certificate;
  readonly options: SecureContextOptions;
  readonly context: SecureContext;
}

/** What a handshake is answered with: fixed when it is made, so a reload makes another. */
export class ServerCertificates {
  readonly #entries: readonly Entry[];

  /** @throws Error naming the file and what is wrong with it */
  constructor(configured: TlsSettings) {
    const { certFile, keyFile, certificates } = configured;
    const pairs = [
      ...(certFile === null || keyFile === null ? [] : [{ certFile, keyFile }]),
      ...certificates,
    ];
    if (pairs.length === 0) throw new Error("TLS needs a certificate: give cert_file and key_file");
    const authorities = configured.caFile === null ? undefined : readAuthorities(configured.caFile);
    // Only to check clients with: OpenSSL would also complete the certificate's chain from them, up to the root, and
    // clients are to be shown what is in the certificate's file.
    const ca = configured.verify !== false ? authorities : undefined;
    this.#entries = pairs.map((pair) => readPair(pair.certFile, pair.keyFile, ca, configured));
  }

  get count(): number {
    return this.#entries.length;
  }

  /** Of the certificate that answers when no name, or an unknown one, is asked for. */
  get options(): SecureContextOptions {
    return (this.#entries[0] as Entry).options;
  }

  /** For the name that the client asks for (SNI). */
  forName(name: string): SecureContext {
    const entry = this.#entries.find(({ leaf }) => leaf.checkHost(name) !== undefined);
    return (entry ?? (this.#entries[0] as Entry)).context;
  }
}

function readPair(
  certFile: string,
  keyFile: string,
  ca: readonly string[] | undefined,
  configured: TlsSettings,
): Entry {
  const cert = readPem(certFile, "certificate");
  const leaf = parseCertificate(certificatesIn(cert)[0] ?? cert, certFile);
  const key = readPem(keyFile, "key");
  if (!leaf.checkPrivateKey(parseKey(key, keyFile))) {
    throw new Error(`the TLS key in ${keyFile} does not belong to the certificate in ${certFile}`);
  }
  const options: SecureContextOptions = {
    cert,
    key,
    minVersion: configured.minVersion,
    honorCipherOrder: true,
    sessionIdContext,
    ...(ca !== undefined && { ca: [...ca] }),
    ...(configured.ciphers !== null && { ciphers: configured.ciphers }),
    ...(configured.curves !== null && { ecdhCurve: configured.curves }),
  };
  try {
    return { leaf, options, context: createSecureContext(options) };
  } catch (error) {
    const settings = [
      configured.ciphers === null ? "" : `, cipher list ${JSON.stringify(configured.ciphers)}`,
      configured.curves === null ? "" : `, curve list ${JSON.stringify(configured.curves)}`,
    ].join("");
    throw new Error(`cannot use TLS with certificate ${certFile}${settings}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function readAuthorities(caFile: string): string[] {
  const blocks = certificatesIn(readPem(caFile, "authorities"));
  if (blocks.length === 0)
    throw new Error(`the TLS authorities file ${caFile} holds no certificate in PEM form`);
  for (const block of blocks) parseCertificate(block, caFile);
  return blocks;
}

function readPem(file: string, what: "certificate" | "key" | "authorities"): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`cannot read the TLS ${what} file ${file}: ${messageOf(error)}`, { cause: error });
  }
}

function certificatesIn(pem: string): string[] {
  return (
    pem.match(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED )?CERTIFICATE-----/g) ?? []
  );
}

function parseCertificate(pem: string, file: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Error(
      `the TLS certificate file ${file} holds no valid certificate in PEM form: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

function parseKey(pem: string, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const why = /ENCRYPTED/.test(pem)
      ? "it is encrypted; decrypt it first"
      : `no valid private key in PEM form: ${messageOf(error)}`;
    throw new Error(`cannot use the TLS key file ${file}: ${why}`, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
