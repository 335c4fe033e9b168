/** What all clients of one listener share. Made by the server; what a reload may change is replaced in place. */
import type { Authenticator, ConnectionType } from "../auth/identity.ts";
import type { Account } from "../broker/account.ts";
import type { Broker } from "../broker/broker.ts";
import type { Message } from "../protocol/message.ts";
import type { PublishVerdicts } from "./publish-verdicts.ts";
import type { FlushPass } from "../transport/flush-pass.ts";
import type { HeartbeatOptions } from "../transport/heartbeat.ts";
import type { Log } from "../base/log.ts";

export interface ClientSettings {
  readonly maxControlLineBytes: number;
  readonly maxPayloadBytes: number;
  /** 0: unlimited, as are the tokens. */
  readonly maxSubscriptions: number;
  readonly maxSubscriptionTokens: number;
  readonly pingIntervalMs: number;
  readonly pingMax: number;
  readonly authTimeoutMs: number;
  readonly headers: boolean;
  readonly trace: TraceSettings | null;
}

export interface TraceSettings {
  /** Trace the headers of a message, not its payload. */
  readonly headersOnly: boolean;
  /** 0: all of it. */
  readonly payloadBytesMax: number;
}

export interface ClientContext {
  readonly broker: Broker;
  readonly pass: FlushPass;
  readonly log: Log;
  readonly connectionType: ConnectionType;
  /** Null when there is none. */
  readonly systemAccount: string | null;
  settings: ClientSettings;
  authenticator: Authenticator;
  /** The INFO of this listener, without what differs for each connection. */
  info: ServerInfo;
  /** The frame that every publish of this thread goes through. */
  readonly message: Message;
  readonly publishVerdicts: PublishVerdicts;
  /** Random in [0, 1). */
  readonly random: () => number;
  /** Told of each request that nobody gets. */
  readonly onNoResponders: (account: Account, subject: string) => void;
  /** A fresh nonce for INFO. */
  readonly nonce: () => string;
}

/** INFO as clients know it. Source: nats-server `Info`. */
export interface ServerInfo {
  readonly server_id: string;
  readonly server_name: string;
  readonly version: string;
  readonly proto: 1;
  readonly go: string;
  readonly host: string;
  readonly port: number;
  readonly headers: boolean;
  readonly auth_required?: true;
  readonly tls_required?: true;
  readonly tls_verify?: true;
  readonly tls_available?: true;
  readonly max_payload: number;
  readonly jetstream?: true;
  /** Of JetStream. */
  readonly domain?: string;
  /** What JetStream's API can do. */
  readonly api_lvl?: number;
  readonly ldm?: true;
  /** The product's own version; `version` is that of the NATS release it is compatible with. */
  readonly frond: string;
}

const firstPingMsMax = 2_000;

export function heartbeatOptions(settings: ClientSettings): HeartbeatOptions {
  const { pingIntervalMs, pingMax } = settings;
  return { intervalMs: pingIntervalMs, outstandingMax: pingMax, firstMsMax: firstPingMsMax };
}
