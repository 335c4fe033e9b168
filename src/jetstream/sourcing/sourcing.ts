/** What a stream copies from others: a mirror or any number of sources. Follows its configuration. */
import type { StreamStore } from "../../store/contract.ts";
import type { CurrentConfig, StreamSource } from "../stream/config/stream-config.ts";
import type { OriginChannel } from "./origin-consumer.ts";
import type { StoreSourced } from "./source.ts";
import type { SourcingInfo } from "./sourcing-info.ts";
import { Mirror } from "./mirror.ts";
import { sourceIndex } from "./origin-names.ts";
import { readPosition, type SourcePosition } from "./position-record.ts";
import { PositionSearch, type SoughtSource } from "./position-search.ts";
import { Source } from "./source.ts";
import type { SourceOrigin } from "./source-header.ts";

export interface SourcingDependencies {
  readonly current: CurrentConfig;
  readonly store: StreamStore;
  readonly channel: OriginChannel;
  readonly storeSourced: StoreSourced;
  /** Called when a mirror has nearly all that its origin has: it may answer for it now. */
  readonly onCaughtUp: () => void;
}

export class Sourcing {
  readonly #current: CurrentConfig;
  readonly #store: StreamStore;
  readonly #channel: OriginChannel;
  readonly #storeSourced: StoreSourced;
  readonly #onCaughtUp: () => void;
  #mirror: Mirror | null = null;
  /** In the order of the configuration. */
  #sources: Source[] = [];
  readonly #searches = new Set<PositionSearch>();

  constructor({ current, store, channel, storeSourced, onCaughtUp }: SourcingDependencies) {
    this.#current = current;
    this.#store = store;
    this.#channel = channel;
    this.#storeSourced = storeSourced;
    this.#onCaughtUp = onCaughtUp;
  }

  /** Begins to copy, soon: all streams are to be there first. */
  start(): void {
    this.update();
  }

  /** Follows the configuration as it is now. What has not changed in it goes on. */
  update(): void {
    const { mirror, sources = [] } = this.#current.config;
    this.#updateMirror(mirror);
    const before = new Map(this.#sources.map((source) => [keyOf(source.source), source]));
    const added: Source[] = [];
    this.#sources = sources.map((config) => {
      const key = keyOf(config);
      const kept = before.get(key);
      before.delete(key);
      if (kept !== undefined) return kept;
      const source = new Source(config, sources, this.#store, this.#channel, this.#storeSourced);
      added.push(source);
      return source;
    });
    const indexes = new Set(this.#sources.map(({ index }) => index));
    for (const source of before.values()) source.stop(!indexes.has(source.index));
    this.#begin(added);
  }

  /** The stream is closed or, for good, deleted. */
  stop(forGood: boolean): void {
    for (const search of this.#searches) search.stop();
    this.#searches.clear();
    this.#mirror?.stop(forGood);
    this.#mirror = null;
    for (const source of this.#sources) source.stop(forGood);
    this.#sources = [];
  }

  /** Origins behind this API can be reached, by a way that may be another than before. @param api as in `external` */
  retryNow(api: string): void {
    if (this.#mirror !== null && isBehind(this.#mirror.source, api)) this.#mirror.retryNow();
    for (const source of this.#sources) if (isBehind(source.source, api)) source.retryNow();
  }

  mirrorInfo(): SourcingInfo | null {
    return this.#mirror?.info() ?? null;
  }

  sourcesInfo(): SourcingInfo[] {
    return this.#sources.map((source) => source.info());
  }

  #updateMirror(config: StreamSource | undefined): void {
    if (config !== undefined && this.#mirror !== null && keyOf(config) === keyOf(this.#mirror.source)) return;
    this.#mirror?.stop(true);
    this.#mirror = null;
    if (config === undefined) return;
    const { log } = this.#store;
    this.#mirror = new Mirror(config, log, this.#channel, this.#storeSourced, this.#onCaughtUp);
    this.#mirror.begin();
  }

  /** Those whose position is not known for sure are looked for in the messages first. */
  #begin(sources: readonly Source[]): void {
    const store = this.#store;
    const { messages, lastSeq } = store.log.state;
    const sought: SoughtSource[] = [];
    const known = new Map<string, SourcePosition>();
    for (const { source, index } of sources) {
      const position = readPosition(store, index);
      if (position !== null) known.set(index, position);
      const fromOwnSeq = position?.ownSeq ?? 0;
      const localStream = source.external === undefined ? source.name : null;
      if (messages > 0 && fromOwnSeq < lastSeq) sought.push({ index, localStream, fromOwnSeq });
    }
    const begin = (index: string, found: SourceOrigin | null): void => {
      const source = this.#sources.find((one) => one.index === index);
      // What was found is newer than what was written down.
      const { originSeq = 0, identity = "" } = known.get(index) ?? {};
      if (found !== null) source?.begin(found.seq, found.identity);
      else source?.begin(originSeq, identity);
    };
    for (const { index } of sources) if (!sought.some((one) => one.index === index)) begin(index, null);
    if (sought.length === 0) return;
    const search = new PositionSearch(store.log, this.#channel.scheduler, sought, begin);
    this.#searches.add(search);
    search.start();
  }
}

function isBehind({ external }: StreamSource, api: string): boolean {
  return external !== undefined && external.api.replace(/\.$/, "") === api;
}

/** Two that differ in anything are not the same; where the index is, the newer one goes on where the older one was. */
function keyOf(source: StreamSource): string {
  const { opt_start_seq: seq, opt_start_time: time, consumer } = source;
  return JSON.stringify([sourceIndex(source), source.external, consumer, seq, time]);
}
