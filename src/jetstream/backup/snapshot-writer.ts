/** The bytes of a snapshot on their way into a stream's store, in pieces of any size. */
import { nsPerMs } from "../../base/duration.ts";
import { firstSeqMax, storedBytes, type StreamStore } from "../../store/contract.ts";
import { consumerConfig } from "../api/consumer-shape.ts";
import { JsonError } from "../json/json-parser.ts";
import { decode, object } from "../json/shape.ts";
import type { RequestedConsumerConfig } from "../consumer/config/consumer-config.ts";
import type { SavedConsumer } from "../consumer/consumer-api.ts";
import { field, MessageHeaders } from "../stream/message/message-headers.ts";
import { parseMessageTtl } from "../stream/message/message-ttl.ts";
import { dueOf, isDue } from "../stream/schedule/schedule-headers.ts";
import { textFromWire } from "../../subjects/subject.ts";
import type { StreamConfig } from "../stream/config/stream-config.ts";
import { ArchiveError, ArchiveReader, consumerPrefix, type Entry, stateEntry } from "./archive.ts";
import { S2Decoder, S2Error } from "./s2.ts";

/** What was sent is no snapshot, or not one that can be restored. */
export class SnapshotError extends Error {}

export interface SnapshotTarget {
  readonly store: StreamStore;
  readonly config: StreamConfig;
  readonly nowMs: () => number;
  /** Called before a message of so many bytes is stored. @throws ApiError when it can not be */
  readonly ensureCapacity: (bytes: number) => void;
}

const savedConsumer = object("SnapshotConsumerState", { config: consumerConfig });

/** No message is larger: nats-server's `max_payload` ends here. */
const bodyBytesMax = 64 * 1024 * 1024;

export class SnapshotWriter {
  readonly consumers: SavedConsumer[] = [];
  readonly #target: SnapshotTarget;
  readonly #decoder = new S2Decoder();
  readonly #reader = new ArchiveReader(bodyBytesMax);
  readonly #headers = new MessageHeaders();
  /** Of what comes: null before `state.json`. */
  #consumersLeft: number | null = null;
  #firstSeq = 0;
  #lastSeq = 0;
  #isEnded = false;

  constructor(target: SnapshotTarget) {
    this.#target = target;
  }

  /** @param piece kept until {@link work} has come to its end, and must not change any more */
  write(piece: Buffer): void {
    this.#decoder.push(piece);
  }

  /**
   * Stores what has come, in slices, since little may unpack to very much.
   * @param bytesMax about so much in one go
   * @returns whether there is more to do
   * @throws SnapshotError, or what `makeRoom` throws
   */
  work(bytesMax: number): boolean {
    let bytes = 0;
    try {
      while (bytes < bytesMax) {
        const entry = this.#reader.next();
        if (entry === null) {
          const block = this.#decoder.next();
          if (block === null) return false;
          this.#reader.push(block);
          bytes += block.length;
        } else this.#take(entry);
      }
    } catch (error) {
      if (error instanceof S2Error || error instanceof ArchiveError) throw new SnapshotError(error.message);
      throw error;
    }
    return true;
  }

  /** Nothing more comes. @throws SnapshotError when something is missing */
  end(): void {
    if (!this.#isEnded || !this.#decoder.isEmpty || !this.#reader.isEmpty)
      throw new SnapshotError("backup was truncated");
    this.#target.store.log.skipTo(Math.max(this.#lastSeq + 1, this.#firstSeq));
  }

  #take(entry: Entry): void {
    if (this.#isEnded) throw new SnapshotError("something follows the end of the snapshot");
    if (this.#consumersLeft === null) this.#takeState(entry);
    else if (this.#consumersLeft > 0) this.#takeConsumer(entry);
    else if (entry.seq > 0) this.#takeMessage(entry);
    else if (entry.name === "" && entry.body.length === 0) this.#isEnded = true;
    else throw new SnapshotError("expected message sequence");
  }

  #takeState({ name, body }: Entry): void {
    if (name !== stateEntry) throw new SnapshotError("expected state.json first");
    const state = parse(body);
    const count = (key: string): number => {
      const value = state?.[key] ?? 0;
      if (!isCount(value)) throw new SnapshotError("invalid stream state");
      return value;
    };
    this.#consumersLeft = count("consumer_count");
    this.#firstSeq = count("first_seq");
    this.#lastSeq = count("last_seq");
    if (state === null || this.#firstSeq > this.#lastSeq + 1 || this.#lastSeq >= firstSeqMax)
      throw new SnapshotError("invalid stream state");
    this.#target.store.log.skipTo(this.#firstSeq);
  }

  #takeConsumer({ name: entryName, body }: Entry): void {
    if (!entryName.startsWith(consumerPrefix))
      throw new SnapshotError(`expected consumer, found "${textFromWire(entryName)}"`);
    const name = textFromWire(entryName.slice(consumerPrefix.length));
    const saved = parse(body);
    const config = saved === null ? undefined : configOf(body);
    if (saved === null || config === undefined)
      throw new SnapshotError(`consumer "${name}" is missing config`);
    this.consumers.push({ name, config, saved });
    (this.#consumersLeft as number)--;
  }

  #takeMessage({ name, timeMs, timeNs, seq, headerBytes, body }: Entry): void {
    const { store, ensureCapacity } = this.#target;
    const { log } = store;
    if (seq <= log.state.lastSeq) throw new SnapshotError(`message sequence ${seq} out of order`);
    if (seq >= firstSeqMax || !/^[^ \t\r\n\f]+$/.test(name))
      throw new SnapshotError(`invalid message of sequence ${seq}`);
    ensureCapacity(storedBytes(log.kind, name.length, headerBytes, body.length - headerBytes));
    const headers = this.#headers;
    if (headerBytes === 0) headers.clear();
    else headers.scan(body, 0, headerBytes);
    log.append({
      subject: name,
      bytes: body,
      bodyStart: 0,
      bodyEnd: body.length,
      headerBytes,
      timeMs,
      timeNs: Math.min(timeNs, nsPerMs - 1),
      seq,
      messageId: headers.hasValue(field.msgId) ? headers.text(field.msgId) : null,
      expiresMs: this.#expiresMs(timeMs),
      wakesMs: this.#wakesMs(timeMs),
    });
  }

  #expiresMs(timeMs: number): number {
    const ttl = this.#headers.hasValue(field.ttl) ? parseMessageTtl(this.#headers.text(field.ttl)) : 0;
    return ttl !== null && ttl > 0 ? timeMs + 1_000 * ttl : 0;
  }

  #wakesMs(timeMs: number): number {
    const { config, nowMs } = this.#target;
    if (config.allow_msg_schedules !== true || !this.#headers.hasValue(field.schedule)) return 0;
    const due = dueOf(this.#headers, timeMs, nowMs());
    return isDue(due) ? Math.max(1, due.atMs) : 0;
  }
}

function configOf(body: Buffer): RequestedConsumerConfig | undefined {
  try {
    return decode(body.toString("utf8"), savedConsumer, false)["config"] as
      | RequestedConsumerConfig
      | undefined;
  } catch (error) {
    if (error instanceof JsonError) throw new SnapshotError(error.message);
    throw error;
  }
}

function parse(body: Buffer): Record<string, unknown> | null {
  try {
    const value = JSON.parse(body.toString("utf8")) as unknown;
    return typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
