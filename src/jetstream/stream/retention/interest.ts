/** Interest and work-queue retention: a message stays as long as some consumer needs it. */
import { filterOf, type SubjectFilter } from "../../../subjects/filter.ts";
import { wireFromText } from "../../../subjects/subject.ts";
import { StoredMessage } from "../../../store/contract.ts";
import type { Deadline } from "../../../base/clock.ts";
import type { ConsumerConfig } from "../../consumer/config/consumer-config.ts";
import type { PassScheduler } from "../../host.ts";
import type { FollowedLog } from "../log/followed-log.ts";

/** Looked at before somebody else has a turn. */
const sliceCountMax = 10_000;

export class Interest {
  readonly #messages: FollowedLog;
  readonly #scheduler: PassScheduler;
  readonly #stored = new StoredMessage(true);
  /** The rest of a sweep. */
  #slice: Deadline | null = null;
  /** Configurations are never changed in place; null takes everything. */
  readonly #filters = new WeakMap<ConsumerConfig, { readonly filter: SubjectFilter | null }>();

  constructor(messages: FollowedLog, scheduler: PassScheduler) {
    this.#messages = messages;
    this.#scheduler = scheduler;
  }

  /** Whether any consumer's filters take `subject`. */
  covers(subject: string): boolean {
    for (const { config } of this.#messages.consumers.values()) {
      const filter = this.#filterOf(config);
      if (filter === null || filter.matches(subject)) return true;
    }
    return false;
  }

  settled(seq: number): void {
    const { log } = this.#messages;
    if (log.read(seq, this.#stored) && !this.#isNeeded(seq, this.#stored.subject)) this.#messages.remove(seq);
  }

  /** Some consumer is gone, or wants less than before: what it alone held back goes, slice by slice. */
  sweep(): void {
    this.close();
    const { consumers, log } = this.#messages;
    if (log.state.messages === 0) return;
    if (consumers.size === 0) this.#messages.removeThrough(log.state.lastSeq);
    else this.#sweepFrom(log.state.firstSeq);
  }

  close(): void {
    this.#slice?.cancel();
    this.#slice = null;
  }

  #sweepFrom(fromSeq: number): void {
    this.#slice = null;
    const { log } = this.#messages;
    const stored = this.#stored;
    let from = fromSeq;
    for (let left = sliceCountMax; log.next(from, log.state.lastSeq, null, stored); left--) {
      const { seq } = stored;
      if (left === 0) {
        this.#slice = this.#scheduler.background(() => this.#sweepFrom(seq));
        return;
      }
      from = seq + 1;
      if (!this.#isNeeded(seq, stored.subject)) this.#messages.remove(seq);
    }
  }

  #isNeeded(seq: number, subject: string): boolean {
    for (const consumer of this.#messages.consumers.values()) if (consumer.needs(seq, subject)) return true;
    return false;
  }

  #filterOf(config: ConsumerConfig): SubjectFilter | null {
    const known = this.#filters.get(config);
    if (known !== undefined) return known.filter;
    const { filter_subject: single = "", filter_subjects: several = [] } = config;
    const patterns = single === "" ? several : [single];
    const filter = filterOf(patterns.map(wireFromText));
    this.#filters.set(config, { filter });
    return filter;
  }
}
