/** A stream as the bytes of a snapshot, made piece by piece while they are sent. It shows the stream as it was at first. */
import { StoredMessage } from "../../store/contract.ts";
import { wireFromText } from "../../subjects/subject.ts";
import { noDetails, streamState } from "../stream/stream-info.ts";
import type { Stream } from "../stream/stream.ts";
import { consumerPrefix, encodeHead, endEntry, type Entry, magic, stateEntry } from "./archive.ts";
import { ByteQueue } from "./byte-queue.ts";
import { encodeChunks, streamIdentifier } from "./s2.ts";

/** So much is put into chunks at once. */
const gatheredBytes = 64 * 1024;

export class SnapshotReader {
  readonly #entries: Iterator<Entry>;
  readonly #ready = new ByteQueue();
  /** Of the archive, not in chunks yet. */
  #gathered: Buffer[] = [magic];
  #gatheredBytes = magic.length;
  #isDone = false;

  /**
   * What changes quickly is taken down now; messages are read when it is their turn, and may be gone by then.
   * @param withConsumers whether consumers are in it, with how far they have come
   */
  constructor(stream: Stream, withConsumers: boolean) {
    this.#ready.push(streamIdentifier);
    this.#entries = entriesOf(stream, leadingEntries(stream, withConsumers));
  }

  /** The next so many bytes; fewer at the end, none behind it. */
  take(count: number): Buffer {
    while (this.#ready.length < count && !this.#isDone) this.#make();
    return this.#ready.take(Math.min(count, this.#ready.length));
  }

  #make(): void {
    const next = this.#entries.next();
    if (next.done === true) this.#isDone = true;
    else {
      const head = encodeHead(next.value);
      this.#gathered.push(head, next.value.body);
      this.#gatheredBytes += head.length + next.value.body.length;
    }
    if (!this.#isDone && this.#gatheredBytes < gatheredBytes) return;
    for (const chunk of encodeChunks(Buffer.concat(this.#gathered))) this.#ready.push(chunk);
    this.#gathered = [];
    this.#gatheredBytes = 0;
  }
}

function leadingEntries(stream: Stream, withConsumers: boolean): Entry[] {
  const { host, consumers } = stream;
  const now = { timeMs: 0, timeNs: 0 };
  host.clock.stamp(now);
  const entry = (name: string, content: object): Entry => {
    const body = Buffer.from(JSON.stringify(content));
    return { ...endEntry, ...now, name: wireFromText(name), body };
  };
  const taken = [...consumers.values()].filter(
    ({ config }) => withConsumers && config.direct !== true && config.sourcing !== true,
  );
  const state = { ...streamState(stream, noDetails), consumer_count: taken.length };
  return [
    entry(stateEntry, state),
    ...taken.map((consumer) => entry(`${consumerPrefix}${consumer.name}`, consumer.saved())),
  ];
}

function* entriesOf({ log }: Stream, leading: readonly Entry[]): Generator<Entry> {
  const { lastSeq } = log.state;
  yield* leading;
  const stored = new StoredMessage();
  for (let from = 0; log.next(from, lastSeq, null, stored); from = stored.seq + 1) {
    const { seq, timeMs, timeNs, subject, headerBytes, bytes, bodyStart, bodyEnd } = stored;
    const body = bytes.subarray(bodyStart, bodyEnd);
    yield { name: subject, timeMs, timeNs, seq, headerBytes, body };
  }
  yield endEntry;
}
