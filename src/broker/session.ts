/** One connection as the rest of the broker sees it: for monitoring, lame duck, reload and kicks. */
import type { Account } from "./account.ts";
import type { Subscription } from "./subscriber.ts";

export interface Session {
  readonly id: number;
  readonly kind: "Client" | "Leafnode";
  /** How it is carried, as `/connz` names it; null for links. */
  readonly type: "nats" | "websocket" | null;
  readonly account: Account | null;
  readonly authorizedUser: string | null;
  readonly name: string;
  readonly language: string;
  readonly version: string;
  readonly address: string;
  readonly port: number;
  readonly tls: {
    readonly version: string;
    readonly cipher: string;
    readonly handshakeFirst: boolean;
  } | null;
  /** Wall clock, milliseconds since the epoch. */
  readonly startMs: number;
  readonly lastActivityMs: number;
  /** Null until measured. */
  readonly rttMs: number | null;
  readonly pendingBytes: number;
  readonly inMessages: number;
  readonly inBytes: number;
  readonly outMessages: number;
  readonly outBytes: number;
  /** How often it was not read for a moment because its receivers were behind. */
  readonly stallCount: number;
  readonly subscriptionCount: number;
  subscriptions(): Iterable<Subscription>;
  /** Asks for the round trip, so that a later look finds {@link rttMs}. */
  measureRtt(): void;
  /** Tells the peer that the broker is going away, where it understands that. */
  announceLameDuck(): void;
  close(reason: string): void;
}

/** What is remembered of a session that has ended. */
export interface ClosedSession {
  readonly session: Session;
  readonly stopMs: number;
  readonly reason: string;
  readonly account: Account | null;
  readonly subscriptionCount: number;
}
