/**
 * What streams and consumers need of whatever keeps them, on disk or in memory.
 *
 * **Decided and durable.** Everything here happens at once in memory (it is *decided*) and is written with all else of
 * the same pass, as one *group*. A group is durable when its fsync has returned or, where the configuration asks for a
 * sync interval, when the operating system has it. Groups become durable in order. What is seen by others (acks,
 * deliveries, answers) waits for that; {@link Store.durableGroup} says how far it has come. The loss of a machine loses
 * whole groups from the end, never a part of one.
 *
 * **Reads are synchronous** and see what is decided.
 */

/**
 * One message as it stands in a log: a frame to be filled in again and again. Its bytes never change and may be kept,
 * unless the frame is a passing one.
 */
export class StoredMessage {
  /**
   * Who reads by this frame copies what it needs before it returns to the event loop, and reads the message anew after
   * that: its bytes may be used for others then.
   */
  readonly isPassing: boolean;
  seq = 0;
  /** When it was stored; see `base/timestamp.ts`. */
  timeMs = 0;
  timeNs = 0;
  bytes: Buffer = Buffer.alloc(0);
  subjectStart = 0;
  subjectEnd = 0;
  /** Headers and payload follow one another: `bytes[bodyStart, bodyEnd)`. */
  bodyStart = 0;
  bodyEnd = 0;
  /** 0 without headers. */
  headerBytes = 0;

  constructor(isPassing = false) {
    this.isPassing = isPassing;
  }

  /** Wire string. */
  get subject(): string {
    return this.bytes.latin1Slice(this.subjectStart, this.subjectEnd);
  }

  /** The block as it was published, `NATS/1.0` and all; null when there is none. */
  get headers(): Buffer | null {
    if (this.headerBytes === 0) return null;
    return this.bytes.subarray(this.bodyStart, this.bodyStart + this.headerBytes);
  }

  get payload(): Buffer {
    return this.bytes.subarray(this.bodyStart + this.headerBytes, this.bodyEnd);
  }
}

/**
 * No stream begins later or is moved beyond: from there on it could go on for ever and its sequences would still be whole
 * numbers. Whoever lets a number of somebody else become a sequence asks for that.
 */
export const firstSeqMax = 2 ** 52;

/** A message to be stored. The log copies what it needs before it returns. */
export interface NewMessage {
  /** Wire string, literal. */
  subject: string;
  /** Headers and payload: `bytes[bodyStart, bodyEnd)`, the headers first. */
  bytes: Buffer;
  bodyStart: number;
  bodyEnd: number;
  headerBytes: number;
  timeMs: number;
  timeNs: number;
  /** 0: the next one. Otherwise larger than any before; those between do not exist (a mirror's gaps). */
  seq: number;
  /** Of `Nats-Msg-Id`, to be found again by {@link MessageLog.messageIds}; null without. */
  messageId: string | null;
  /** When it is to go, by its TTL, in milliseconds since the epoch; 0: never. See {@link MessageLog.deadlines}. */
  expiresMs: number;
  /** When it is to be acted upon (a schedule); 0: never. */
  wakesMs: number;
}

/** Of everything decided. The object stays the same and changes. */
export interface LogState {
  readonly messages: number;
  /** As nats-server counts them; see {@link storedBytes}. */
  readonly bytes: number;
  /** `lastSeq + 1` when it is empty; 0 when nothing was ever stored, removed or skipped. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Of the first message; 0 when empty. */
  readonly firstMs: number;
  readonly firstNs: number;
  /** Of the last message ever stored, or of a skip that had a time; 0 before. */
  readonly lastMs: number;
  readonly lastNs: number;
  readonly subjectCount: number;
}

export interface SubjectState {
  readonly subject: string;
  readonly count: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** What {@link MessageLog} asks of a filter; `null` in its place takes everything. */
export interface LogFilter {
  readonly patterns: readonly string[];
  readonly literal: string | null;
  matches(subject: string): boolean;
}

export type DeadlineKind = "expires" | "wakes";

export interface MessageDeadline {
  readonly kind: DeadlineKind;
  readonly atMs: number;
  readonly seq: number;
}

export interface MessageLog {
  readonly kind: "file" | "memory";
  readonly state: LogState;
  /** Messages up to here are durable. */
  readonly durableSeq: number;

  /** @returns false when there is no such message */
  read(seq: number, into: StoredMessage): boolean;
  /** The first message from `fromSeq` to `throughSeq` that the filter takes. */
  next(fromSeq: number, throughSeq: number, filter: LogFilter | null, into: StoredMessage): boolean;
  /** The last message at or before `throughSeq` that the filter takes. */
  last(throughSeq: number, filter: LogFilter | null, into: StoredMessage): boolean;
  /** The first sequence stored at that time or later; `lastSeq + 1` when there is none. */
  seqAtTime(timeMs: number, timeNs: number): number;
  /** Of a literal subject; null when it has no message. */
  subject(subject: string): SubjectState | null;
  /** Every subject with messages that the filter takes, in the order of their bytes. */
  subjects(filter: LogFilter | null): Iterable<SubjectState>;
  /** How many messages at or after `fromSeq` the filter takes. */
  count(fromSeq: number, filter: LogFilter | null): number;
  /** Sequences between first and last that are gone, as ranges `[from, through]`, ascending. */
  deleted(): Iterable<readonly [from: number, through: number]>;

  /** @returns the sequence */
  append(draft: NewMessage): number;
  /** @returns false when there is no such message */
  remove(seq: number): boolean;
  /** Removes everything up to and with `seq`, which may be beyond the last message: the next one gets `seq + 1`. @returns how many */
  removeThrough(seq: number): number;
  /**
   * The next message gets this sequence, or a later one; does nothing when that is so already.
   * @param timeMs when that happened, for {@link LogState.lastMs}; 0: it is not to be seen there
   */
  skipTo(nextSeq: number, timeMs?: number, timeNs?: number): void;

  /** Remembers an id whose message was not stored. */
  noteMessageId(id: string, seq: number, atMs: number): void;
  /** Ids noted at `sinceMs` or later, oldest first, whether or not their messages are still there. */
  messageIds(sinceMs: number): Iterable<{ readonly id: string; readonly seq: number; readonly atMs: number }>;
  /** Ids noted before are not needed any more. */
  forgetMessageIds(beforeMs: number): void;

  /** Earliest first, up to `throughMs`. Those of messages that are gone may still be among them. */
  deadlines(kind: DeadlineKind, throughMs: number): Iterable<MessageDeadline>;
  /** When the earliest is due; Infinity when there is none. */
  nextDeadlineMs(kind: DeadlineKind): number;
  addDeadline(deadline: MessageDeadline): void;
  removeDeadline(deadline: MessageDeadline): void;
}

/** One stream in the store: its log and its records (configuration, consumers), which go when it goes. */
export interface StreamStore {
  readonly account: string;
  readonly name: string;
  readonly log: MessageLog;
  /** Null when there is none. Names are any text of up to 1,000 bytes. */
  record(name: string): StoredRecord | null;
  /** Whose names begin with `prefix`, in their order. */
  records(prefix: string): Iterable<StoredRecord>;
  /** Puts the value in place of what was there, and of all that was appended to it. The bytes are copied. */
  putRecord(name: string, value: Uint8Array): void;
  /** Adds a small change behind the record; cheap, and to be replaced by {@link putRecord} now and then. */
  appendToRecord(name: string, change: Uint8Array): void;
  removeRecord(name: string): void;
  /** Everything of the stream goes. Nothing may be asked of it any more. */
  drop(): void;
}

export interface StoredRecord {
  readonly name: string;
  readonly value: Buffer;
  readonly changes: readonly Buffer[];
}

export interface StoreObserver {
  /** Everything up to and with this group is durable. Called within a pass. */
  onDurable(group: number): void;
}

export interface Store {
  /** What was there when it was opened, then what was created. Of every kind. */
  streams(): Iterable<StreamStore>;
  create(account: string, name: string, kind: "file" | "memory"): StreamStore;
  /** The last group that anything belongs to; what was just decided is in it. It may still be gathered. */
  readonly lastGroup: number;
  /** Groups up to here are durable; when it is `lastGroup`, nothing has to be waited for. */
  readonly durableGroup: number;
  observe(observer: StoreObserver): () => void;
  /**
   * Why a file stream can take no message of this size now (a full disk), as text for an error; null when it can. To be
   * asked before anything of a decision is carried out.
   */
  refusal(bytes: number): string | null;
  /** So much is waiting to be written that publishers are to be held back until {@link onDrain}. */
  readonly isAboveHighWaterMark: boolean;
  /** Runs `callback` once, as soon as it is below its high-water mark. */
  onDrain(callback: () => void): void;
  /** Resolves when all that is decided now is durable. */
  flush(): Promise<void>;
  /** Bytes on disk and in memory, for reports. */
  readonly usage: { readonly diskBytes: number; readonly memoryBytes: number };
  close(): Promise<void>;
}

/** What a message counts for in `bytes`. Source: nats-server `fileStoreMsgSize`, `memStoreMsgSize`. */
export function storedBytes(
  kind: "file" | "memory",
  subjectBytes: number,
  headerBytes: number,
  payloadBytes: number,
): number {
  const all = subjectBytes + headerBytes + payloadBytes;
  if (kind === "memory") return all + 16;
  return all + 30 + (headerBytes > 0 ? 4 : 0);
}
