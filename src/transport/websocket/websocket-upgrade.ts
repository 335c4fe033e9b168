/** What the HTTP request says that becomes a WebSocket: whether it may, who it is from, what it offers. */
import type { IncomingHttpHeaders } from "node:http";
import { type AddressRanges, isAddress } from "../../base/address-ranges.ts";

export interface OriginRules {
  /** The origin must be the very host that was asked. */
  readonly sameOrigin: boolean;
  /** The origin must be one of these URLs; empty: any. */
  readonly allowedOrigins: readonly string[];
}

/** Names of the cookies that stand in for what CONNECT leaves out. */
export interface CookieNames {
  readonly jwtCookie: string | null;
  readonly userCookie: string | null;
  readonly passCookie: string | null;
  readonly tokenCookie: string | null;
}

/** What cookies offered; only what was there. */
export interface OfferedCredentials {
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly jwt?: string;
}

export interface UpgradeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

/** Base64 of 16 bytes. */
const keyPattern = /^[A-Za-z0-9+/]{22}==$/;
/** What the path of a leaf node ends in. */
const leafNodeEnding = "/leafnode";
/** Paths, by how they end, that speak another protocol than a client's. */
const otherProtocols = [
  { ending: leafNodeEnding, name: "leafnode" },
  { ending: "/mqtt", name: "mqtt" },
] as const;

export function isLeafNodeRequest({ url }: UpgradeRequest): boolean {
  return pathOf(url).endsWith(leafNodeEnding);
}

function pathOf(url: string | undefined): string {
  return (url ?? "/").split("?", 1)[0] as string;
}

/**
 * @param secure whether the request came over TLS
 * @param takesLeafNodes whether the path that these ask for is served
 * @returns null when it may become a WebSocket. Source: nats-server `wsUpgrade`
 */
export function refusalOf(
  request: UpgradeRequest,
  secure: boolean,
  rules: OriginRules,
  takesLeafNodes = false,
): Refusal | null {
  const { headers } = request;
  const path = pathOf(request.url);
  const other = otherProtocols.find(({ ending }) => path.endsWith(ending));
  if (other !== undefined && !(takesLeafNodes && other.ending === leafNodeEnding))
    return { status: 404, reason: `${other.name} websocket endpoint not enabled` };
  if (request.method !== "GET") return { status: 405, reason: "request method must be GET" };
  if (!headers.host) return { status: 400, reason: "'Host' missing in request" };
  if (!hasToken(headers.upgrade, "websocket")) return bad("invalid value for header 'Upgrade'");
  if (!hasToken(headers.connection, "upgrade")) return bad("invalid value for header 'Connection'");
  const key = headers["sec-websocket-key"];
  if (key === undefined) return bad("key missing");
  if (!keyPattern.test(key)) return bad("invalid websocket key");
  if (!hasToken(headers["sec-websocket-version"], "13")) return bad("invalid version");
  const problem = originProblem(headers, secure, rules);
  return problem === null ? null : { status: 403, reason: `origin not allowed: ${problem}` };
}

/** What the cookies of the request offer. Values are UTF-8, with or without quotes around them. */
export function credentialsFromCookies(headers: IncomingHttpHeaders, names: CookieNames): OfferedCredentials {
  const { jwtCookie, userCookie, passCookie, tokenCookie } = names;
  const offered: { user?: string; password?: string; token?: string; jwt?: string } = {};
  for (const cookie of (headers.cookie ?? "").split(";")) {
    const equals = cookie.indexOf("=");
    if (equals < 0) continue;
    const name = cookie.slice(0, equals).trim();
    const text = cookie.slice(equals + 1).trim();
    const bare = text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
    const value = Buffer.from(bare, "latin1").toString("utf8");
    if (name === jwtCookie) offered.jwt = value;
    else if (name === userCookie) offered.user = value;
    else if (name === passCookie) offered.password = value;
    else if (name === tokenCookie) offered.token = value;
  }
  return offered;
}

/**
 * The address of the client: the peer's, unless that is a proxy which is trusted. Each proxy puts whom it got the request
 * from at the end of the list, so it is the last one there that is no trusted proxy; what a client has written itself
 * stands before that.
 */
export function clientAddress(headers: IncomingHttpHeaders, peer: string, trusted: AddressRanges): string {
  const forwarded = headers["x-forwarded-for"] ?? [];
  const hops = [forwarded].flat().join(",").split(",");
  let client = peer;
  for (let at = hops.length - 1; at >= 0 && trusted.has(client); at--) {
    const hop = (hops[at] as string).trim();
    if (!isAddress(hop)) break;
    client = hop;
  }
  return client;
}

function bad(reason: string): Refusal {
  return { status: 400, reason };
}

function hasToken(header: string | undefined, token: string): boolean {
  return header !== undefined && header.split(",").some((part) => part.trim().toLowerCase() === token);
}

/** Programs that are no browser name no origin, and could name any: the rules are for pages. */
function originProblem(headers: IncomingHttpHeaders, secure: boolean, rules: OriginRules): string | null {
  if (!rules.sameOrigin && rules.allowedOrigins.length === 0) return null;
  const named = headers.origin ?? headers["sec-websocket-origin"];
  if (typeof named !== "string" || named === "") return null;
  const origin = siteOf(named);
  if (origin === null) return "not a URL";
  if (rules.sameOrigin) {
    const asked = siteOf(`${secure ? "https" : "http"}://${headers.host}`);
    if (asked !== origin) return "not same origin";
  }
  if (rules.allowedOrigins.length === 0) return null;
  return rules.allowedOrigins.some((allowed) => siteOf(allowed) === origin)
    ? null
    : "not in the allowed list";
}

/** Scheme, host and port of a URL in one comparable text; null when it is none. */
function siteOf(url: string): string | null {
  try {
    const { protocol, hostname, port } = new URL(url);
    if (hostname === "") return null;
    return `${protocol}//${hostname}:${port === "" ? (protocol === "https:" ? "443" : "80") : port}`;
  } catch {
    return null;
  }
}
