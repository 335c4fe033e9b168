/** What JetStream needs of the broker it lives in. Made by the server; the only way out of this folder. */
import type { Clock, Deadline } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Phase } from "../base/phases.ts";
import type { Broker } from "../broker/broker.ts";
import type { Publisher } from "../broker/publisher.ts";
import type { Service } from "../broker/service.ts";
import type { Store } from "../store/contract.ts";

/** Whether those who are sent much keep up. Asked where routing is allowed. */
export interface Receivers {
  /** From now on {@link areAboveHighWaterMark} is about those who are sent something. */
  watch(): void;
  readonly areAboveHighWaterMark: boolean;
  /**
   * Runs `work`, as a pass, when the receivers above their mark have taken something, or when waiting for them makes no sense.
   * @returns to call it off
   */
  onDrain(work: () => void): () => void;
}

/** Runs work as passes of the broker, and knows the time. */
export interface PassScheduler {
  readonly clock: Clock;
  /** Runs `work` in a phase of the pass, where routing is allowed; outside of one, in a pass of its own soon. */
  defer(phase: Phase, work: () => void): void;
  /** As `Clock.after`, with `work` run as a pass. */
  after(delayMs: number, work: () => void): Deadline;
  /** As `Clock.soon`, with `work` run as a pass. */
  soon(work: () => void): Deadline;
  /** Runs one slice of long work behind everything else, as a pass; see `transport/background-tasks.ts`. */
  background(slice: () => void): Deadline;
}

export interface Host extends PassScheduler {
  readonly broker: Broker;
  readonly log: Log;
  readonly store: Store;
  readonly publisher: Publisher;
  /** Listens for JetStream; whoever uses it stops its own subscriptions. */
  readonly service: Service;
  readonly receivers: Receivers;
  readonly serverName: string;
  readonly serverId: string;
  readonly domain: string | null;
  /** The connection that is being read now is not read further until the store is below its high-water mark. */
  stallPublisher(): void;
  /** 22 characters, unique. */
  nuid(): string;
}
