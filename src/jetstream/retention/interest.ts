/** Interest and work-queue retention: a message stays as long as some consumer needs it. */
import { filterOf, type SubjectFilter } from "../../subjects/filter.ts";
import { wireFromText } from "../../subjects/subject.ts";
import { StoredMessage } from "../../store/contract.ts";
import type { ConsumerConfig } from "../consumer-config.ts";
import type { Stream } from "../stream.ts";
import type { StreamConsumer } from "../stream-consumer.ts";

export class Interest {
  readonly #stream: Stream;
  readonly #stored = new StoredMessage();
  /** Configurations are never changed in place; null takes everything. */
  readonly #filters = new WeakMap<ConsumerConfig, { readonly filter: SubjectFilter | null }>();

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Whether any consumer's filters take `subject`. */
  covers(subject: string): boolean {
    for (const { config } of this.#stream.consumers.values()) {
      const filter = this.#filterOf(config);
      if (filter === null || filter.matches(subject)) return true;
    }
    return false;
  }

  settled(seq: number): void {
    const { log } = this.#stream;
    if (log.read(seq, this.#stored) && !this.#isNeeded(seq, this.#stored.subject)) this.#stream.remove(seq);
  }

  /** What it alone held back goes. */
  consumerGone({ config }: StreamConsumer): void {
    const { log } = this.#stream;
    const filter = this.#filterOf(config);
    const stored = this.#stored;
    let from = log.state.firstSeq;
    while (log.next(from, log.state.lastSeq, filter, stored)) {
      const { seq } = stored;
      from = seq + 1;
      if (!this.#isNeeded(seq, stored.subject)) this.#stream.remove(seq);
    }
  }

  #isNeeded(seq: number, subject: string): boolean {
    for (const consumer of this.#stream.consumers.values()) if (consumer.needs(seq, subject)) return true;
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
