/** Finds out of stored messages how far sources have come, newest first and in slices, since there may be many. */
import type { Deadline } from "../../base/clock.ts";
import { type MessageLog, StoredMessage } from "../../store/contract.ts";
import type { PassScheduler } from "../host.ts";
import { readSourceHeader, type SourceOrigin } from "./source-header.ts";

const sliceCount = 10_000;

export interface SoughtSource {
  /** Wire string. */
  readonly index: string;
  /** Of the origin, for headers of old; null when its stream is not in this account. */
  readonly localStream: string | null;
  /** Messages up to here are known of. */
  readonly fromOwnSeq: number;
}

export class PositionSearch {
  readonly #log: MessageLog;
  readonly #scheduler: PassScheduler;
  readonly #onFound: (index: string, origin: SourceOrigin | null) => void;
  #sought: SoughtSource[];
  readonly #stored = new StoredMessage();
  #deadline: Deadline | null = null;

  /** @param onFound called once for each, with null when there is no message of it */
  constructor(
    log: MessageLog,
    scheduler: PassScheduler,
    sought: readonly SoughtSource[],
    onFound: (index: string, origin: SourceOrigin | null) => void,
  ) {
    this.#log = log;
    this.#scheduler = scheduler;
    this.#sought = [...sought];
    this.#onFound = onFound;
  }

  /** The first slice is looked at now. */
  start(): void {
    this.#lookBefore(this.#log.state.lastSeq);
  }

  stop(): void {
    this.#deadline?.cancel();
    this.#sought = [];
  }

  #lookBefore(fromSeq: number): void {
    const log = this.#log;
    const stored = this.#stored;
    let throughSeq = fromSeq;
    for (let count = 0; count < sliceCount; count++) {
      if (throughSeq <= this.#leastSeq() || !log.last(throughSeq, null, stored)) return this.#end();
      throughSeq = stored.seq - 1;
      this.#look(stored);
    }
    this.#deadline = this.#scheduler.background(() => this.#lookBefore(throughSeq));
  }

  #leastSeq(): number {
    return this.#sought.reduce((least, { fromOwnSeq }) => Math.min(least, fromOwnSeq), Infinity);
  }

  #look(stored: StoredMessage): void {
    const { headers } = stored;
    const origin = headers === null ? null : readSourceHeader(headers);
    if (origin === null) return;
    const found = this.#sought.find(({ index, localStream }) =>
      origin.index === null ? origin.stream === localStream : origin.index === index,
    );
    if (found === undefined || stored.seq <= found.fromOwnSeq) return;
    this.#sought = this.#sought.filter((sought) => sought !== found);
    this.#onFound(found.index, origin);
  }

  #end(): void {
    const missing = this.#sought;
    this.#sought = [];
    for (const { index } of missing) this.#onFound(index, null);
  }
}
