/** The `tls` block: which files, which versions, and when the handshake takes place. */
import { accessSync, constants, statSync } from "node:fs";
import { reasonOf } from "../base/system-error.ts";
import { cipherSuites, curves, knowsHybridCurves, lostCipherSuites, tls13Suites } from "./cipher-suites.ts";
import { asArray, asBoolean, asCount, asMap, asString, asTimeout, readBlock } from "./grammar/fields.ts";
import type { Block, KeyReader } from "./grammar/fields.ts";
import { kindName, type ConfigNode } from "./grammar/node.ts";
import type { TlsOptions } from "./tls-options.ts";
import { diagnosticAt } from "./grammar/diagnostics.ts";
import type { Diagnostics } from "./grammar/diagnostics.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface TlsDraft extends Mutable<Omit<TlsOptions, "certificates">> {
  certificates: { certFile: string; keyFile: string }[];
  allowInsecure: boolean;
  /** Names of the insecure suites asked for. */
  insecureSuites: string[];
}

/** How long `handshake_first: auto` waits for the client to begin. */
const autoFallbackMs = 50;
const tlsTimeoutMsDefault = 2_000;

const readHandshakeFirst: KeyReader<TlsDraft> = (node, tls, { key }) => {
  tls.handshakeFirst = handshakeFirstOf(node, key);
};

const readCertificates: KeyReader<TlsDraft> = (node, tls, { key, diagnostics }) => {
  tls.certificates = asArray(node, key).value.map((pair) => readCertificatePair(pair, diagnostics));
};

const block: Block<TlsDraft> = {
  name: "tls",
  unknown: (key) => `error parsing tls config, unknown field "${key}"`,
  keys: {
    cert_file: (node, tls, { key }) => (tls.certFile = asReadableFile(node, key)),
    key_file: (node, tls, { key }) => (tls.keyFile = asReadableFile(node, key)),
    ca_file: (node, tls, { key }) => (tls.caFile = asReadableFile(node, key)),
    certs: readCertificates,
    certificates: readCertificates,
    verify: (node, tls, { key }) => (tls.verify = verifyOf(node, key)),
    verify_and_map: (node, tls, { key }) => (tls.verifyAndMap = asBoolean(node, key)),
    timeout: (node, tls, { key }) => (tls.timeoutMs = asTimeout(node, key) || tlsTimeoutMsDefault),
    handshake_first: readHandshakeFirst,
    first: readHandshakeFirst,
    immediate: readHandshakeFirst,
    min_version: (node, tls, { key }) => (tls.minVersion = versionOf(node, key)),
    cipher_suites: (node, tls, { key }) => readCipherSuites(node, key, tls),
    allow_insecure_cipher_suites: (node, tls, { key }) => (tls.allowInsecure = asBoolean(node, key)),
    curve_preferences: (node, tls, { key, diagnostics }) => (tls.curves = curvesOf(node, key, diagnostics)),
    pinned_certs: (node, tls, { key }) => (tls.pinnedCerts = pinnedCertsOf(node, key)),
    connection_rate_limit: (node, tls, { key }) => (tls.connectionRateLimit = asCount(node, key)),
  },
};

export function readTls(node: ConfigNode, diagnostics: Diagnostics): TlsOptions {
  const draft: TlsDraft = { ...emptyTls(), certificates: [], allowInsecure: false, insecureSuites: [] };
  readBlock(block, asMap(node, "tls"), draft, diagnostics);
  const { allowInsecure, insecureSuites, ...tls } = draft;
  if (tls.certificates.length > 0 && tls.certFile !== null) {
    diagnostics.add(node, "error parsing tls config, cannot combine 'cert_file' option with 'certs' option");
  }
  if (tls.certFile !== null && tls.keyFile === null)
    diagnostics.add(node, "missing 'key_file' in TLS configuration");
  if (tls.certFile === null && tls.keyFile !== null)
    diagnostics.add(node, "missing 'cert_file' in TLS configuration");
  if (insecureSuites.length > 0 && !allowInsecure) {
    diagnostics.add(
      node,
      `insecure cipher suites configured without 'allow_insecure_cipher_suites' option set: ${insecureSuites.join(", ")}`,
    );
  }
  if (tls.verify === "optional" && tls.verifyAndMap) {
    diagnostics.add(
      node,
      "error parsing tls config, cannot combine 'verify: optional' with options requiring client certificates",
    );
  }
  return { ...tls, verify: tls.verifyAndMap || tls.verify };
}

/** TLS as it is when nothing has been said, except that there is no certificate. */
export function emptyTls(): TlsOptions {
  return {
    certFile: null,
    keyFile: null,
    caFile: null,
    certificates: [],
    verify: false,
    verifyAndMap: false,
    timeoutMs: tlsTimeoutMsDefault,
    handshakeFirst: "after-info",
    minVersion: "TLSv1.2",
    ciphers: null,
    curves: null,
    pinnedCerts: [],
    connectionRateLimit: 0,
  };
}

/** @returns why a file can not be used, or null */
export function fileProblem(path: string): string | null {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).isDirectory() ? `open ${path}: is a directory` : null;
  } catch (error) {
    return `open ${path}: ${reasonOf(error)}`;
  }
}

function asReadableFile(node: ConfigNode, key: string): string {
  const path = asString(node, key);
  const problem = path === "" ? "no file is named" : fileProblem(path);
  if (problem !== null) throw diagnosticAt(node, `"${key}" can not be read: ${problem}`);
  return path;
}

function readCertificatePair(
  node: ConfigNode,
  diagnostics: Diagnostics,
): { certFile: string; keyFile: string } {
  const pair = { certFile: "", keyFile: "" };
  const pairBlock: Block<typeof pair> = {
    name: "tls",
    unknown: (key) => `error parsing tls certs config, unknown field "${key}"`,
    keys: {
      cert_file: (file, target, { key }) => (target.certFile = asReadableFile(file, key)),
      key_file: (file, target, { key }) => (target.keyFile = asReadableFile(file, key)),
    },
  };
  const map = asMap(node, "certs");
  readBlock(pairBlock, map, pair, diagnostics);
  if (!map.value.has("cert_file") || !map.value.has("key_file")) {
    throw diagnosticAt(
      node,
      "error parsing certificates config: both 'cert_file' and 'key_file' options are required",
    );
  }
  return pair;
}

function handshakeFirstOf(node: ConfigNode, key: string): TlsOptions["handshakeFirst"] {
  if (node.kind === "boolean") return node.value ? "first" : "after-info";
  const text = asString(node, key).toLowerCase();
  if (text === "true" || text === "on") return "first";
  if (text === "false" || text === "off") return "after-info";
  if (text === "auto" || text === "auto_fallback") return { fallbackMs: autoFallbackMs };
  const fallbackMs = /^[\d.+-]/.test(text) ? asTimeout(node, key) : -1;
  if (fallbackMs < 0) {
    throw diagnosticAt(
      node,
      `field "${key}"'s value ${JSON.stringify(text)} is invalid: write true, false, "auto" or a duration`,
    );
  }
  return fallbackMs === 0 ? "first" : { fallbackMs };
}

function verifyOf(node: ConfigNode, key: string): TlsOptions["verify"] {
  if (node.kind === "string" && node.value.toLowerCase() === "optional") return "optional";
  if (node.kind === "boolean") return node.value;
  throw diagnosticAt(node, `"${key}" must be true, false or optional, not ${kindName(node)}`);
}

function versionOf(node: ConfigNode, key: string): TlsOptions["minVersion"] {
  if (node.kind === "float")
    throw diagnosticAt(node, `error parsing tls config: '${key}' wrong type: put quotes around it`);
  const version = asString(node, key);
  if (version === "1.2") return "TLSv1.2";
  if (version === "1.3") return "TLSv1.3";
  const isOld = version === "1.0" || version === "1.1";
  const text = isOld ? `unsupported TLS version: TLS ${version}` : `unknown version: ${version}`;
  throw diagnosticAt(node, `error parsing tls config: ${text}`);
}

function readCipherSuites(node: ConfigNode, key: string, tls: TlsDraft): void {
  const names = asArray(node, key).value;
  if (names.length === 0)
    throw diagnosticAt(node, "error parsing tls config, 'cipher_suites' cannot be empty");
  const openssl = new Set(tls13Suites);
  for (const element of names) {
    const name = asString(element, key);
    const suite = cipherSuites.get(name);
    if (lostCipherSuites.has(name))
      throw diagnosticAt(element, `cipher suite ${name} is not supported by Frond`);
    if (suite === undefined) throw diagnosticAt(element, `unrecognized cipher ${name}`);
    if (suite.insecure) tls.insecureSuites.push(name);
    openssl.add(suite.openssl);
  }
  tls.ciphers = [...openssl].join(":");
}

function curvesOf(node: ConfigNode, key: string, diagnostics: Diagnostics): string | null {
  const names = asArray(node, key).value;
  if (names.length === 0)
    throw diagnosticAt(node, "error parsing tls config, 'curve_preferences' cannot be empty");
  const openssl: string[] = [];
  for (const element of names) {
    const name = asString(element, key);
    const curve = curves.get(name);
    if (curve === undefined) throw diagnosticAt(element, `unrecognized curve preference ${name}`);
    if (!curve.hybrid || knowsHybridCurves()) openssl.push(curve.openssl);
    else diagnostics.warn(element, `curve ${name} is left out: it needs a Node with OpenSSL 3.5 or newer`);
  }
  if (openssl.length === 0) throw diagnosticAt(node, "none of these curves is known to this version of Node");
  return openssl.join(":");
}

function pinnedCertsOf(node: ConfigNode, key: string): string[] {
  return asArray(node, key).value.map((element) => {
    const pin = asString(element, key).toLowerCase();
    if (/^[\da-f]{64}$/.test(pin)) return pin;
    throw diagnosticAt(
      element,
      `error parsing tls config, 'pinned_certs' key ${pin} does not look like hex-encoded sha256 of DER encoded SubjectPublicKeyInfo`,
    );
  });
}
