/**
 * The broker without its listeners: accounts, the router, every session there is, and what is counted. Whoever
 * connects (clients, links) registers here; whoever looks on (monitoring, events) reads here.
 */
import type { Clock } from "../base/clock.ts";
import { Account, type AccountLimits } from "./account.ts";
import { Router } from "./router.ts";
import { ClosedSessions } from "./closed-sessions.ts";
import type { ClosedSession, Session } from "./session.ts";
import { Stats } from "./stats.ts";
import type { Subscription } from "./subscriber.ts";

export interface BrokerObserver {
  onOpen?(session: Session): void;
  onClose?(closed: ClosedSession): void;
}

export class Broker {
  readonly clock: Clock;
  readonly router: Router;
  readonly accounts = new Map<string, Account>();
  readonly sessions = new Map<number, Session>();
  readonly stats = new Stats();
  readonly startMs: number;
  /** Whose bytes are being acted upon right now; null for what the broker does by itself. */
  reading: Session | null = null;
  readonly #closed: ClosedSessions;
  readonly #observers = new Set<BrokerObserver>();
  readonly #randomSeed: () => number;
  #lastSessionId = 0;

  /** @param randomSeed gives 32 random bits; peers must not be able to guess them */
  constructor(clock: Clock, closedMax: number, randomSeed: () => number) {
    this.clock = clock;
    this.startMs = clock.wallMs();
    this.#closed = new ClosedSessions(closedMax);
    this.#randomSeed = randomSeed;
    this.router = new Router(randomSeed());
  }

  /** The account of that name, made if it is not there yet. */
  openAccount(name: string, limits: AccountLimits): Account {
    let account = this.accounts.get(name);
    if (account === undefined) {
      account = new Account(name, limits, this.#randomSeed());
      this.accounts.set(name, account);
    }
    account.limits = limits;
    return account;
  }

  nextSessionId(): number {
    return ++this.#lastSessionId;
  }

  opened(session: Session): void {
    this.sessions.set(session.id, session);
    this.stats.totalConnections++;
    for (const observer of this.#observers) observer.onOpen?.(session);
  }

  /**
   * Keeps what monitoring shows of the session; the oldest of those kept makes way.
   * @param subscriptions those that ended with it
   */
  closed(session: Session, reason: string, subscriptions: readonly Subscription[]): void {
    if (!this.sessions.delete(session.id)) return;
    session.account?.addEnded(session);
    this.stats.stalledClients += session.stallCount;
    const closed = this.#closed.add(session, this.clock.wallMs(), reason, subscriptions);
    for (const observer of this.#observers) observer.onClose?.(closed);
  }

  /** Ended sessions that are remembered, in no particular order. */
  closedSessions(): readonly ClosedSession[] {
    return this.#closed.all;
  }

  observe(observer: BrokerObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** Subscriptions in all accounts. */
  get subscriptionCount(): number {
    let count = 0;
    for (const account of this.accounts.values()) count += account.interest.size;
    return count;
  }
}
