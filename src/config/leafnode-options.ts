/** The `leafnodes` block when it is complete: who may link to this broker, and where it links itself to. */
import type { TlsOptions } from "./tls-options.ts";

export interface LeafNodeOptions {
  /** Null: no listener. */
  readonly listener: LeafListenerOptions | null;
  readonly remotes: readonly LeafRemoteOptions[];
  /** Between two attempts; a failed one adds up to as much again at random. */
  readonly reconnectMs: number;
  readonly dialTimeoutMs: number;
  /** What other leaf nodes are interested in is not told to those that connect here. */
  readonly isolatesInterest: boolean;
  /** Null: that of clients. */
  readonly writeDeadlineMs: number | null;
  /** Null: that of clients. */
  readonly pingIntervalMs: number | null;
  /** Null: that of clients. */
  readonly pingMax: number | null;
}

export interface LeafListenerOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** `host[:port]` told to leaf nodes instead of the address listened on. */
  readonly advertise: string | null;
  /** Leaf nodes are told where else they could connect. */
  readonly isAdvertised: boolean;
  readonly tls: TlsOptions | null;
  readonly authTimeoutMs: number;
  /** Null: leaf nodes prove themselves as clients do. */
  readonly authorization: LeafAuthorization | null;
  /** Whom leaf nodes without credentials are bound to where none are asked for. */
  readonly account: string;
  /** `2.8.0`; null for any. */
  readonly minVersion: string | null;
}

/** Users who are leaf nodes only. One of the two lists is empty. */
export interface LeafAuthorization {
  readonly users: readonly LeafUser[];
  readonly nkeys: readonly { readonly nkey: string; readonly account: string }[];
}

export interface LeafUser {
  readonly user: string;
  readonly password: string;
  readonly account: string;
}

export interface LeafRemoteOptions {
  /** At least one, all of them WebSocket or none. */
  readonly urls: readonly LeafUrl[];
  /** The local account. */
  readonly account: string;
  readonly credentialsFile: string | null;
  /** `SU…`. */
  readonly nkeySeed: string | null;
  readonly tls: LeafTlsOptions | null;
  /** This end is the hub of the link although it dials. */
  readonly isHub: boolean;
  /** Wire strings. What this end asks for none of. */
  readonly denyImports: readonly string[];
  /** Wire strings. What this end sends none of. */
  readonly denyExports: readonly string[];
  readonly isRandomized: boolean;
  /** Dials the configured URLs only, not those that the hub announces. */
  readonly ignoresDiscovered: boolean;
  readonly isolatesInterest: boolean;
  readonly requestsIsolation: boolean;
  readonly firstInfoTimeoutMs: number;
  /** Null: that of all remotes. */
  readonly dialTimeoutMs: number | null;
  readonly websocketCompression: boolean;
  readonly websocketMasking: boolean;
  /** Streams that cross the link; null: none that this broker sees to. */
  readonly forward: ForwardOptions | null;
}

/** Store and forward: streams that are kept at one end while the link is away and copied when it is there. */
export interface ForwardOptions {
  /** Streams here that the hub gathers. */
  readonly up: readonly ForwardedStreamOptions[];
  /** Streams of the hub that are mirrored here. */
  readonly down: readonly ForwardedStreamOptions[];
  /** Of streams that are made at the hub. */
  readonly replicas: number;
  /** Null: what the hub says its domain is. */
  readonly hubDomain: string | null;
  /** The longest wait between two attempts to set a stream up. */
  readonly backOffMsMax: number;
  /** Messages that a stream may be behind before it is told. */
  readonly lagWarning: number;
}

export interface ForwardedStreamOptions {
  readonly stream: string;
  /** Its name at the other end. */
  readonly as: string;
  /** Text. Where there is no such stream here it is made with them; none: it is somebody else's to make. */
  readonly subjects: readonly string[];
}

export interface LeafUrl {
  readonly scheme: "tcp" | "tls" | "ws" | "wss";
  readonly host: string;
  readonly port: number;
  /** For WebSocket, ending in `/leafnode`. */
  readonly path: string;
  /** Null when the URL names none. */
  readonly user: string | null;
  readonly password: string | null;
}

/** TLS as the one who dials. */
export interface LeafTlsOptions {
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly caFile: string | null;
  /** Takes whatever certificate the other end shows. */
  readonly insecure: boolean;
  readonly isHandshakeFirst: boolean;
  readonly timeoutMs: number;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly ciphers: string | null;
  readonly curves: string | null;
  readonly pinnedCerts: readonly string[];
}

export function showLeafUrl({ host, port }: LeafUrl): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
