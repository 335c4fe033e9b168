/** One connection as the rest of the broker sees it: for monitoring, lame duck, reload and kicks. */
import type { Account } from "./account.ts";
import type { Subscription } from "./subscriber.ts";

/** What can be told of a connection while it lives, and after. */
export interface SessionFacts {
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
    /** DER of what the peer has shown and the handshake has verified; null when it sent none. */
    readonly peerCertificate: Buffer | null;
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
}

export interface Session extends SessionFacts {
  /** Null: everything is allowed. */
  readonly permissions: SessionPermissions | null;
  /**
   * Whether what comes from the peer may go to a subject, a wire string. That it was asked there, which may entitle it to an
   * answer, does not count.
   */
  canPublish(subject: string): boolean;
  subscriptions(): Iterable<Subscription>;
  /** Asks for the round trip, so that a later look finds {@link rttMs}. */
  measureRtt(): void;
  /** Tells the peer that the broker is going away, where it understands that. */
  announceLameDuck(): void;
  close(reason: string): void;
}

/** A session's permissions as far as people ask about them. Subjects are wire strings. */
export interface SessionPermissions {
  readonly options: {
    readonly publish: { readonly allow: readonly string[] | null; readonly deny: readonly string[] | null };
    readonly subscribe: {
      readonly allow: readonly { readonly subject: string; readonly queue: string | null }[] | null;
    };
  };
  /** Null: a reply subject that was received may not be published to for that reason alone. */
  readonly responses: object | null;
  canPublish(subject: string): boolean;
  canSubscribe(subject: string, queue: string | null): boolean;
  /** The deny that keeps a message on `subject` from a subscription, as configured; null when there is none. */
  denyInTheWay(subject: string, queue: string | null): string | null;
}

/** What is remembered of a session that has ended: copies, so that nothing of the connection itself is kept. */
export interface ClosedSession {
  readonly session: SessionFacts;
  readonly stopMs: number;
  readonly reason: string;
  readonly account: Account | null;
  readonly subscriptionCount: number;
  /** What it was subscribed to. Empty once there are too many of these; the oldest sessions lose theirs first. */
  subscriptions: readonly ClosedSubscription[];
}

export interface ClosedSubscription {
  readonly subject: string;
  readonly queue: string | null;
  readonly sid: string;
  readonly deliveredCount: number;
}

export function factsOf(session: Session): SessionFacts {
  const { tls } = session;
  return {
    id: session.id,
    kind: session.kind,
    type: session.type,
    account: session.account,
    authorizedUser: session.authorizedUser,
    name: session.name,
    language: session.language,
    version: session.version,
    address: session.address,
    port: session.port,
    tls: tls === null ? null : { ...tls, peerCertificate: null },
    startMs: session.startMs,
    lastActivityMs: session.lastActivityMs,
    rttMs: session.rttMs,
    pendingBytes: session.pendingBytes,
    inMessages: session.inMessages,
    inBytes: session.inBytes,
    outMessages: session.outMessages,
    outBytes: session.outBytes,
    stallCount: session.stallCount,
    subscriptionCount: session.subscriptionCount,
  };
}
