/** What the command line says, written over what the file says. */
import type { Draft } from "./draft.ts";
import type { FlagOverrides } from "./flags.ts";
import type { TlsOptions } from "./tls-options.ts";
import type { Diagnostics } from "./grammar/diagnostics.ts";
import { emptyTls, fileProblem } from "./tls.ts";

export function applyFlags(flags: FlagOverrides, draft: Draft, diagnostics: Diagnostics): void {
  if (flags.host !== undefined) draft.host = flags.host || null;
  if (flags.port !== undefined) draft.port = checkedPort(flags.port, "-p", diagnostics);
  if (flags.serverName !== undefined) draft.serverName = checkedName(flags.serverName, diagnostics);
  if (flags.clientAdvertise !== undefined) draft.clientAdvertise = flags.clientAdvertise || null;
  if (flags.httpPort !== undefined) draft.httpPort = checkedPort(flags.httpPort, "-m", diagnostics);
  if (flags.httpsPort !== undefined) draft.httpsPort = checkedPort(flags.httpsPort, "-ms", diagnostics);
  if (flags.pidFile !== undefined) draft.pidFile = flags.pidFile || null;
  if (flags.portsFileDir !== undefined) draft.portsFileDir = flags.portsFileDir || null;
  if (flags.jetstream !== undefined) draft.jetstream.enabled = flags.jetstream;
  if (flags.storeDir !== undefined) draft.storeDir = flags.storeDir || null;
  applyLogFlags(flags, draft);
  applyAccessFlags(flags, draft);
  applyTlsFlags(flags, draft, diagnostics);
}

function applyLogFlags(flags: FlagOverrides, { log }: Draft): void {
  if (flags.logFile !== undefined) log.file = flags.logFile || null;
  if (flags.logFileSizeBytesMax !== undefined) log.fileSizeBytesMax = Math.max(0, flags.logFileSizeBytesMax);
  if (flags.logTime !== undefined) log.time = flags.logTime;
  if (flags.logTimeUtc !== undefined) log.timeUtc = flags.logTimeUtc;
  if (flags.debug !== undefined) log.debug = flags.debug;
  if (flags.trace !== undefined) log.trace = flags.trace;
  if (flags.traceVerbose !== undefined) log.traceVerbose = flags.traceVerbose;
  if (flags.maxTracedBytes !== undefined) log.maxTracedBytes = Math.max(0, flags.maxTracedBytes);
}

function applyAccessFlags(flags: FlagOverrides, { authorization }: Draft): void {
  if (flags.user !== undefined) authorization.user = flags.user || null;
  if (flags.password !== undefined) authorization.password = flags.password || null;
  if (flags.token !== undefined) authorization.token = flags.token || null;
  // Whoever asks for a login here does not mean to let everybody in.
  if (flags.user || flags.token) authorization.position ??= { file: "command line", line: 0, column: 0 };
}

/** Any TLS flag replaces the certificate of the file, and `-tls=false` turns TLS off altogether. */
function applyTlsFlags(flags: FlagOverrides, draft: Draft, diagnostics: Diagnostics): void {
  if (flags.tls === false) {
    draft.tls = null;
    return;
  }
  const { tlsCert, tlsKey, tlsCaCert, tlsVerify } = flags;
  const values = [flags.tls, tlsCert, tlsKey, tlsCaCert, tlsVerify];
  if (values.every((value) => value === undefined)) return;
  if (!tlsCert) diagnostics.add(null, "TLS Server certificate must be present and valid: set -tlscert");
  if (!tlsKey) diagnostics.add(null, "TLS Server private key must be present and valid: set -tlskey");
  if (!tlsCert || !tlsKey) {
    draft.tls = null;
    return;
  }
  for (const [flag, path] of [
    ["-tlscert", tlsCert],
    ["-tlskey", tlsKey],
    ["-tlscacert", tlsCaCert],
  ] as const) {
    const problem = path ? fileProblem(path) : null;
    if (problem !== null) diagnostics.add(null, `${flag} can not be read: ${problem}`);
  }
  const tls: TlsOptions = {
    ...(draft.tls ?? emptyTls()),
    certFile: tlsCert,
    keyFile: tlsKey,
    caFile: tlsCaCert || null,
    certificates: [],
    verify: tlsVerify ?? false,
    minVersion: "TLSv1.2",
    ciphers: null,
    curves: null,
  };
  draft.tls = tls;
}

function checkedPort(port: number, flag: string, diagnostics: Diagnostics): number {
  if (port < -1 || port > 65_535)
    diagnostics.add(null, `${flag} must be a port from -1 to 65535, not ${port}`);
  return port;
}

function checkedName(name: string, diagnostics: Diagnostics): string | null {
  if (name.includes(" ")) diagnostics.add(null, "server name cannot contain spaces");
  return name || null;
}
