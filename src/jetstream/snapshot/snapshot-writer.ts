/** The bytes of a snapshot on their way into a stream's store, in pieces of any size. */
import { nsPerMs } from "../../base/duration.ts";
import { firstSeqMax, type StreamStore } from "../../store/contract.ts";
import { crc32 } from "../../store/crc32.ts";
import {
  decodeDeadline,
  decodeMessage,
  decodeMessageId,
  decodeNamed,
  magic,
  recordBytesMax,
  recordHeadBytes,
  recordKind,
  recordTailBytes,
  type SnapshotHeader,
  type SnapshotMessage,
} from "./snapshot-format.ts";

/** What was sent is no snapshot, or not one of this stream. */
export class SnapshotError extends Error {}

export class SnapshotWriter {
  readonly #store: StreamStore;
  readonly #streamName: string;
  /** Received and not whole yet. */
  #pieces: Buffer[] = [];
  #piecesBytes = 0;
  /** How many bytes are wanted before it is worth looking at them. */
  #wantedBytes = 0;
  #offset = 0;
  #header: SnapshotHeader | null = null;
  #isMagicRead = false;
  #recordCount = 0;
  #isEnded = false;

  constructor(store: StreamStore, streamName: string) {
    this.#store = store;
    this.#streamName = streamName;
  }

  /** @param piece valid until this returns @throws SnapshotError */
  write(piece: Buffer): void {
    this.#piecesBytes += piece.length;
    if (this.#piecesBytes < this.#wantedBytes) {
      this.#pieces.push(Buffer.from(piece));
      return;
    }
    const bytes = this.#pieces.length === 0 ? piece : Buffer.concat([...this.#pieces, piece]);
    const at = this.#readWhole(bytes);
    this.#offset += at;
    this.#pieces = [Buffer.from(bytes.subarray(at))];
    this.#piecesBytes = bytes.length - at;
  }

  /** Nothing more comes. @throws SnapshotError when something is missing */
  end(): void {
    if (!this.#isEnded || this.#header === null || this.#piecesBytes > 0)
      throw new SnapshotError("unexpected end of the snapshot");
    this.#store.log.skipTo(this.#header.lastSeq + 1);
  }

  /** @returns where what is not whole yet begins */
  #readWhole(bytes: Buffer): number {
    let at = 0;
    if (!this.#isMagicRead) {
      const wanted = magic.subarray(0, bytes.length);
      if (!bytes.subarray(0, wanted.length).equals(wanted))
        throw new SnapshotError("not a snapshot in the format of this server");
      if (bytes.length < magic.length) return 0;
      this.#isMagicRead = true;
      at = magic.length;
    }
    for (;;) {
      const length = this.#recordLength(bytes, at);
      this.#wantedBytes = length;
      if (bytes.length - at < length) return at;
      this.#read(bytes, at, length);
      at += length;
    }
  }

  /** With its frame; as much as is needed to tell it, while less is there. */
  #recordLength(bytes: Buffer, at: number): number {
    if (bytes.length - at < recordHeadBytes) return recordHeadBytes;
    const bodyLength = bytes.readUInt32LE(at);
    if (bodyLength > recordBytesMax) throw this.#damaged(at);
    return recordHeadBytes + bodyLength + recordTailBytes;
  }

  #read(bytes: Buffer, at: number, length: number): void {
    const bodyEnd = at + length - recordTailBytes;
    if (crc32(bytes.subarray(at + 4, bodyEnd)) !== bytes.readUInt32LE(bodyEnd)) throw this.#damaged(at);
    if (this.#isEnded) throw new SnapshotError("something follows the end of the snapshot");
    const kind = bytes[at + 4] as number;
    const isGood = this.#take(kind, bytes.subarray(at + recordHeadBytes, bodyEnd));
    if (!isGood) throw this.#damaged(at);
  }

  /** @returns false when it is not as it should be */
  #take(kind: number, body: Buffer): boolean {
    if (this.#header === null) return kind === recordKind.header && this.#takeHeader(body);
    if (kind === recordKind.end) {
      this.#isEnded = body.length === 8 && body.readDoubleLE(0) === this.#recordCount;
      return this.#isEnded;
    }
    this.#recordCount++;
    if (kind === recordKind.message) return this.#takeMessage(body);
    if (kind === recordKind.value || kind === recordKind.change) {
      const named = decodeNamed(body);
      if (named === null || !isRecord(named.name, named.value)) return false;
      if (kind === recordKind.value) this.#store.putRecord(named.name, named.value);
      else this.#store.appendToRecord(named.name, named.value);
      return true;
    }
    if (kind === recordKind.deadline) {
      const deadline = decodeDeadline(body);
      if (deadline === null || !isCount(deadline.seq) || !isCount(deadline.atMs)) return false;
      this.#store.log.addDeadline(deadline);
      return true;
    }
    const noted = kind === recordKind.messageId ? decodeMessageId(body) : null;
    if (noted === null || !isCount(noted.seq) || !isCount(noted.atMs)) return false;
    this.#store.log.noteMessageId(noted.id, noted.seq, noted.atMs);
    return true;
  }

  #takeHeader(body: Buffer): boolean {
    let header: SnapshotHeader;
    try {
      header = JSON.parse(body.toString("utf8")) as SnapshotHeader;
    } catch {
      return false;
    }
    if (!isHeader(header)) return false;
    const version: number = header.version;
    if (version !== 1)
      throw new SnapshotError(`snapshot of version ${version}, which this server does not know`);
    if (header.config.name !== this.#streamName) throw new SnapshotError("stream names do not match");
    this.#header = header;
    return true;
  }

  #takeMessage(body: Buffer): boolean {
    const message = decodeMessage(body);
    const { log } = this.#store;
    if (message === null || message.seq <= log.state.lastSeq || !isWhole(message)) return false;
    log.append({
      subject: message.subject,
      bytes: message.body,
      bodyStart: 0,
      bodyEnd: message.body.length,
      headerBytes: message.headerBytes,
      timeMs: message.timeMs,
      timeNs: message.timeNs,
      seq: message.seq,
      messageId: null,
      expiresMs: 0,
      wakesMs: 0,
    });
    return true;
  }

  #damaged(at: number): SnapshotError {
    return new SnapshotError(`snapshot is damaged at byte ${this.#offset + at}`);
  }
}

// A checksum proves nothing: anybody may have put a snapshot together.

function isCount(value: number): boolean {
  return Number.isFinite(value) && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

function isHeader(value: unknown): value is SnapshotHeader {
  if (typeof value !== "object" || value === null) return false;
  const { config, lastSeq } = value as Partial<SnapshotHeader>;
  return typeof config === "object" && config !== null && isSeq(lastSeq);
}

function isSeq(value: number | undefined): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < firstSeqMax;
}

function isWhole({ seq, timeMs, timeNs, subject }: SnapshotMessage): boolean {
  return isSeq(seq) && isCount(timeMs) && timeNs < nsPerMs && /^[^ \t\r\n\f]+$/.test(subject);
}

/** The configuration of a consumer has to be one; of others nothing is known here. */
function isRecord(name: string, value: Buffer): boolean {
  if (!name.startsWith("c/") || !name.endsWith("/config")) return true;
  try {
    const { config, created } = JSON.parse(value.toString("utf8")) as Record<string, object | undefined>;
    return typeof config === "object" && typeof created === "object";
  } catch {
    return false;
  }
}
