/** What all links of a broker share. Made by the server; what a reload may change is replaced in place. */
import type { Account } from "../broker/account.ts";
import type { Log } from "../base/log.ts";
import type { Broker } from "../broker/broker.ts";
import type { Session } from "../broker/session.ts";
import type { Message } from "../protocol/message.ts";
import type { FlushPass } from "../transport/flush-pass.ts";
import type { HeartbeatOptions } from "../transport/heartbeat.ts";
import type { LinkRegistry } from "./registry.ts";

export interface LeafSettings {
  readonly maxControlLineBytes: number;
  readonly maxPayloadBytes: number;
  /** Of one link; 0: unlimited. */
  readonly maxSubscriptions: number;
  readonly pingIntervalMs: number;
  /** Of links over WebSocket; null: the same as of others. */
  readonly webSocketPingIntervalMs: number | null;
  readonly pingMax: number;
  readonly headers: boolean;
  /** What is behind other links is not told to those that are accepted or made. */
  readonly isolatesInterest: boolean;
  /** JetStream's domain here; null without one, or without JetStream. */
  readonly domain: string | null;
  readonly hasJetStream: boolean;
}

const firstPingMsMax = 1_000;

export function heartbeatOptions(settings: LeafSettings, isWebSocket: boolean): HeartbeatOptions {
  const { pingIntervalMs, webSocketPingIntervalMs, pingMax } = settings;
  const intervalMs = (isWebSocket ? webSocketPingIntervalMs : null) ?? pingIntervalMs;
  return { intervalMs, outstandingMax: pingMax, firstMsMax: firstPingMsMax };
}

export interface LeafContext {
  readonly broker: Broker;
  readonly pass: FlushPass;
  readonly log: Log;
  readonly serverId: string;
  readonly serverName: string;
  /** Name of the cluster that this broker passes for; a leaf with a configured name goes by that. Empty: none. */
  readonly clusterName: string;
  /** Null when there is none. */
  readonly systemAccount: string | null;
  readonly natsVersion: string;
  readonly registry: LinkRegistry;
  /** The frame that every message from a link goes through. */
  readonly message: Message;
  settings: LeafSettings;
  /**
   * The streams behind a link can be asked for from now on.
   * @param api the prefix of their API as it was announced, a wire string: `$JS.<domain>.API`
   */
  onStreams(account: Account, api: string): void;
  /** Messages can cross the link. */
  onJoined(link: Session): void;
  /** Random in [0, 1). */
  readonly random: () => number;
}
