/** Addresses: `host:port`, a port alone, and what a server tells others instead. */
import type { ConfigNode } from "./grammar/node.ts";
import { asPort } from "./grammar/fields.ts";
import { diagnosticAt } from "./grammar/diagnostics.ts";

export interface ListenAddress {
  /** Null when only a port was given. */
  readonly host: string | null;
  readonly port: number;
}

/** @throws through problemAt when it is neither a port nor `host:port` */
export function asListenAddress(node: ConfigNode, key: string): ListenAddress {
  if (node.kind === "integer") return { host: null, port: asPort(node, key) };
  if (node.kind !== "string") throw diagnosticAt(node, `"${key}" must be a port, or "host:port"`);
  const parts = splitHostPort(node.value);
  if (parts === null)
    throw diagnosticAt(node, `could not parse address string ${JSON.stringify(node.value)}`);
  if (!/^[+-]?\d+$/.test(parts.port))
    throw diagnosticAt(node, `could not parse port ${JSON.stringify(parts.port)}`);
  const port = asPort({ ...node, kind: "integer", value: BigInt(parts.port.replace(/^\+/, "")) }, key);
  return { host: parts.host === "" ? null : parts.host, port };
}

/** The last colon divides; an IPv6 host stands in brackets. Null when there is no such thing as a port. */
function splitHostPort(text: string): { host: string; port: string } | null {
  const found = /^(?:\[([^[\]]*)\]|([^[\]:]*)):([^[\]:]*)$/.exec(text);
  return found === null ? null : { host: found[1] ?? found[2] ?? "", port: found[3] as string };
}

/** `host` or `host:port`, as told to clients; the port may be left out or be 0. */
export function isAdvertisable(text: string): boolean {
  const parts = splitHostPort(text) ?? splitHostPort(`${text}:0`);
  if (parts === null || parts.host.trim() === "" || /\s/.test(parts.host.trim())) return false;
  const port = parts.port.trim();
  return /^(?:-1|\d+)$/.test(port) && Number(port) <= 65_535;
}
