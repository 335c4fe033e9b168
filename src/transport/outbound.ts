/**
 * What waits to be sent to one peer. During a pass bytes are appended to a borrowed buffer; at its end they go to
 * the {@link Sink} in one write. While the kernel has not taken a write, more gathers behind it, up to
 * `pendingBytesMax`; beyond that the peer is too slow and is cut.
 *
 * **Invariant.** `pendingBytes` is the sum of what is being written, what is sealed, what was appended to the
 * borrowed buffer since, and this output's part of a shared run. Of the last two at most one is not empty.
 */
import { emptyBytes, viewBytes, type ViewedBytes } from "../base/bytes.ts";
import type { Lease } from "./buffer-pool.ts";
import type { FlushPass, PassOutput } from "./flush-pass.ts";
import type { SharedBuffer } from "./shared-buffer.ts";

/** Where pieces go. A sink has at most one write under way. */
export interface Sink {
  /** Of the connection; see {@link Receiver}. */
  readonly id: number;
  /**
   * Writes the pieces in order.
   * @returns true when all was taken: the bytes may be used again at once. Otherwise the sink calls
   * {@link Outbound.onWritten} later, and until then nobody may touch them.
   */
  write(pieces: readonly Buffer[]): boolean;
  /** Whether the peer has taken something lately, so that waiting for it makes sense. */
  readonly makesProgress: boolean;
  /** Whether it usually holds what it is given beyond the end of the pass, as TLS does. */
  readonly holdsWrites: boolean;
}

export interface OutboundLimits {
  readonly pendingBytesMax: number;
  /** Above this, publishers are stalled until the peer has taken {@link drainBytesMax}: three quarters of the former. */
  readonly highWaterMarkBytes: number;
  /** Instead of stalling publishers, what they publish is dropped for a peer above its mark. */
  readonly dropsAboveHighWaterMark?: boolean;
}

const noBytes = viewBytes(emptyBytes);
/** Larger writes take long enough that the peer could have begun to read. */
const writeBytesMax = 1024 * 1024;
/** Of what may wait for one peer, the most that one borrowed buffer grows to; see {@link BufferPool.growthBytesMax}. */
const growthShare = 1 / 8;
/**
 * A peer above its mark that has taken this much, or a twelfth of the mark, lets publishers go on: so much that
 * it pays, and so little that nobody is stalled for long.
 */
const drainBytesMax = 1024 * 1024;
const drainShare = 1 / 12;
/** Of a shared run, what is less than this is copied if it has to wait: it would keep all of the run's buffer. */
const sharedShareMin = 1 / 4;
/** Bounds the pieces (and so the views of other people's buffers) that wait for one peer. */
const piecesMax = 65_536;

export class Outbound implements PassOutput {
  /** The borrowed buffer and where to append; `at` may move forward by what was reserved. See {@link reserve}. */
  viewed: ViewedBytes = noBytes;
  at = 0;
  #start = 0;
  #lease: Lease | null = null;
  /** The run whose bytes from `#runStart` on are this output's too; null when there is none. */
  sharedBuffer: SharedBuffer | null = null;
  #sharedStart = 0;
  /** Refuses everything: the peer is gone or is being cut. */
  closed = false;
  readonly #sink: Sink;
  readonly #pass: FlushPass;
  #limits: OutboundLimits;
  /** {@link OutboundLimits.dropsAboveHighWaterMark}, which is asked for with every message. */
  #drops: boolean;
  readonly #onOverflow: () => void;
  /** Called once everything is with the sink, after {@link end}. */
  #onSent: (() => void) | null = null;
  #sealed: Piece[] | null = null;
  #sealedBytes = 0;
  #writing: readonly Piece[] | null = null;
  #writingBytes = 0;
  #queued = false;
  /** Views of the current read chunk are among the pieces. */
  #holdsChunk = false;
  /** Chunks kept for this output; see {@link FlushPass.keepChunk}. */
  #chunksKept = 0;

  constructor(sink: Sink, pass: FlushPass, limits: OutboundLimits, onOverflow: () => void) {
    this.#sink = sink;
    this.#pass = pass;
    this.#limits = limits;
    this.#drops = limits.dropsAboveHighWaterMark === true;
    this.#onOverflow = onOverflow;
    pass.pool.growthBytesMax = limits.pendingBytesMax * growthShare;
  }

  get id(): number {
    return this.#sink.id;
  }

  get pendingBytes(): number {
    const inSharedBuffer = this.sharedBuffer === null ? 0 : this.sharedBuffer.at - this.#sharedStart;
    return this.#writingBytes + this.#sealedBytes + this.at - this.#start + inSharedBuffer;
  }

  /** A write is under way. */
  get writing(): boolean {
    return this.#writingBytes > 0;
  }

  /** Whether a view appended now would most likely be with the kernel at the end of this pass. */
  get idle(): boolean {
    return this.#writingBytes === 0 && !this.#sink.holdsWrites;
  }

  get isAboveHighWaterMark(): boolean {
    return this.pendingBytes > this.#limits.highWaterMarkBytes;
  }

  /** Whether waiting for this peer to take something makes sense. */
  get makesProgress(): boolean {
    return this.#sink.makesProgress;
  }

  /**
   * Makes room for `count` bytes of a message at `viewed.bytes[at]`. The caller then writes there and moves `at`.
   * @returns false when the peer is gone or too far behind; nothing may be appended then
   */
  reserve(count: number): boolean {
    if (this.#dropsNow && this.#isFull()) return false;
    return this.#makeCapacity(count);
  }

  /** Appends a copy of `source`. It is no message: a peer above its mark gets it too. */
  append(source: Uint8Array): void {
    if (!this.#makeCapacity(source.length)) return;
    this.viewed.bytes.set(source, this.at);
    this.at += source.length;
  }

  /** Appends a wire string. As {@link append}. */
  appendText(text: string): void {
    if (!this.#makeCapacity(text.length)) return;
    this.at += this.viewed.bytes.latin1Write(text, this.at, text.length);
  }

  /**
   * Appends `view` itself. Call {@link reserve} first.
   * @param lasting whether its bytes never change; else they are the current read chunk's, and if they are not with
   * the kernel by the end of the pass, the chunk is kept for them ({@link FlushPass.keepChunk})
   */
  appendView(view: Buffer, lasting: boolean): void {
    this.#sealAppended();
    if (!lasting) this.#holdsChunk = true;
    this.#seal(view, null);
    this.#checkOverflow();
  }

  /**
   * From `start` on, what is appended to `run` is appended to this output.
   * @returns false when the peer is gone or too far behind
   */
  joinSharedBuffer(sharedBuffer: SharedBuffer, start: number): boolean {
    if (this.closed) return false;
    if (this.sharedBuffer !== null) this.leaveSharedBuffer(this.sharedBuffer.at);
    this.#sealAppended();
    if ((this.#dropsNow && this.#isFull()) || !this.#checkOverflow()) return false;
    sharedBuffer.lease.hold();
    this.sharedBuffer = sharedBuffer;
    this.#sharedStart = start;
    this.#queue();
    return true;
  }

  /** The run's bytes from `end` on are not this output's. */
  leaveSharedBuffer(end: number): void {
    const sharedBuffer = this.sharedBuffer;
    if (sharedBuffer === null) return;
    this.sharedBuffer = null;
    const start = this.#sharedStart;
    if (end > start) {
      const isSmallShare = end - start < sharedBuffer.bytes.length * sharedShareMin;
      if (this.#writingBytes > 0 && isSmallShare) this.#copy(sharedBuffer.bytes, start, end);
      else this.#seal(sharedBuffer.bytes.subarray(start, end), sharedBuffer.lease);
    }
    sharedBuffer.lease.release();
  }

  setLimits(limits: OutboundLimits): void {
    this.#limits = limits;
    this.#drops = limits.dropsAboveHighWaterMark === true;
    this.#pass.pool.growthBytesMax = limits.pendingBytesMax * growthShare;
  }

  /** For {@link FlushPass}: hands everything gathered to the sink, unless a write is under way. */
  flush(): void {
    this.#queued = false;
    if (this.sharedBuffer !== null) this.leaveSharedBuffer(this.sharedBuffer.at);
    if (!this.closed || this.#onSent !== null) this.#write();
    if (this.#holdsChunk) {
      this.#holdsChunk = false;
      if (this.#writingBytes > 0) {
        this.#chunksKept++;
        this.#pass.keepChunk();
      }
    }
    const { backPressure } = this.#pass;
    if (backPressure.isAnyoneWaiting && this.pendingBytes <= this.#lowWaterMarkBytes)
      backPressure.drained(this);
  }

  /** For the sink: the write that it had not taken at once is done. */
  onWritten(): void {
    if (this.#writingBytes === 0) return;
    this.#writtenDown();
    this.flush();
  }

  /** Takes no more, sends what it has, and calls `onSent` when the sink has taken it all. */
  end(onSent: () => void): void {
    if (this.closed) return onSent();
    this.closed = true;
    this.#onSent = onSent;
    this.flush();
    this.#pass.backPressure.gone(this);
  }

  /** Drops everything that waits. What the sink holds stays its own until it is done with it. */
  close(): void {
    this.closed = true;
    this.#onSent = null;
    this.sharedBuffer?.lease.release();
    this.sharedBuffer = null;
    for (const piece of this.#sealed ?? []) piece.lease?.release();
    this.#lease?.release();
    this.#lease = null;
    this.viewed = noBytes;
    this.at = 0;
    this.#start = 0;
    this.#sealed = null;
    this.#sealedBytes = 0;
    // Not released: the kernel or TLS may still read from these. The collector takes them in the end.
    this.#writing = null;
    this.#writingBytes = 0;
    this.#holdsChunk = false;
    this.#releaseChunks();
    this.#pass.backPressure.gone(this);
  }

  #write(): void {
    while (this.#writingBytes === 0) {
      const pieces = this.#nextPieces();
      if (pieces === null) {
        const onSent = this.#onSent;
        this.#onSent = null;
        return onSent?.();
      }
      if (!this.#sink.write(pieces)) return;
      this.#writtenDown();
    }
  }

  #makeCapacity(count: number): boolean {
    if (this.closed) return false;
    if (this.sharedBuffer !== null) this.leaveSharedBuffer(this.sharedBuffer.at);
    if (this.viewed.bytes.length - this.at < count && !this.#renew(count)) return false;
    this.#queue();
    return true;
  }

  get #dropsNow(): boolean {
    return this.#drops && this.#pass.isPublishing;
  }

  /** Whether it is above its mark even after a flush. */
  #isFull(): boolean {
    if (this.isAboveHighWaterMark && this.#writingBytes === 0) this.flush();
    return this.isAboveHighWaterMark;
  }

  #queue(): void {
    if (this.#queued) return;
    this.#queued = true;
    this.#pass.add(this);
  }

  #writtenDown(): void {
    for (const piece of this.#writing ?? []) piece.lease?.release();
    this.#writing = null;
    this.#writingBytes = 0;
    if (this.#sealedBytes === 0) this.#releaseChunks();
  }

  #releaseChunks(): void {
    if (this.#chunksKept > 0) this.#pass.releaseChunks(this.#chunksKept);
    this.#chunksKept = 0;
  }

  /** Takes up to about {@link writeBytesMax} off the front as the write that is under way from now on. */
  #nextPieces(): Buffer[] | null {
    this.#sealAppended();
    this.#returnBuffer();
    const sealed = this.#sealed;
    if (sealed === null) return null;
    let count = sealed.length;
    let bytes = this.#sealedBytes;
    if (bytes > writeBytesMax) {
      bytes = 0;
      for (count = 0; count < sealed.length && bytes < writeBytesMax; count++)
        bytes += (sealed[count] as Piece).bytes.length;
    }
    const writing = count === sealed.length ? sealed : sealed.splice(0, count);
    if (writing === sealed) this.#sealed = null;
    this.#sealedBytes -= bytes;
    this.#writing = writing;
    this.#writingBytes = bytes;
    return writing.map((piece) => piece.bytes);
  }

  #seal(bytes: Buffer, lease: Lease | null): void {
    const sealed = (this.#sealed ??= []);
    this.#sealedBytes += bytes.length;
    const last = sealed.at(-1);
    if (last !== undefined && lease !== null && last.lease === lease && follows(last.bytes, bytes)) {
      const start = last.bytes.byteOffset - lease.viewed.bytes.byteOffset;
      const merged = lease.viewed.bytes.subarray(start, start + last.bytes.length + bytes.length);
      sealed[sealed.length - 1] = { bytes: merged, lease };
      return;
    }
    lease?.hold();
    sealed.push({ bytes, lease });
  }

  /** Appends bytes that are counted already, so without a look at the limits. */
  #copy(source: Buffer, start: number, end: number): void {
    if (this.viewed.bytes.length - this.at < end - start) {
      const previousBytes = this.viewed.bytes.length;
      this.#sealAppended();
      this.#returnBuffer();
      this.#lease = this.#pass.pool.borrow(end - start, previousBytes);
      this.viewed = this.#lease.viewed;
    }
    this.at += source.copy(this.viewed.bytes, this.at, start, end);
  }

  /** Turns what was appended to the borrowed buffer into a piece; what follows goes behind it in the same buffer. */
  #sealAppended(): void {
    if (this.at === this.#start) return;
    this.#seal(this.viewed.bytes.subarray(this.#start, this.at), this.#lease);
    this.#start = this.at;
  }

  /** Parts with the borrowed buffer; pieces of it hold it until they are sent. */
  #returnBuffer(): void {
    this.#lease?.release();
    this.#lease = null;
    this.viewed = noBytes;
    this.at = 0;
    this.#start = 0;
  }

  #renew(count: number): boolean {
    const previousBytes = this.viewed.bytes.length;
    this.#sealAppended();
    this.#returnBuffer();
    if (!this.#checkOverflow()) return false;
    // May flush this very output, so the new buffer comes after it.
    this.#pass.gathered(Math.max(count, previousBytes));
    if (this.closed) return false;
    // While it is above its mark, the next publisher is to notice soon.
    this.#lease = this.#pass.pool.borrow(count, this.isAboveHighWaterMark ? 0 : previousBytes);
    this.viewed = this.#lease.viewed;
    return true;
  }

  #checkOverflow(): boolean {
    if (this.pendingBytes <= this.#limits.highWaterMarkBytes && (this.#sealed?.length ?? 0) <= piecesMax)
      return true;
    // What this pass alone has gathered says nothing of the peer: it may be waiting for just that.
    if (this.#writingBytes === 0) this.flush();
    const pendingBytes = this.pendingBytes;
    if (pendingBytes > this.#limits.pendingBytesMax || (this.#sealed?.length ?? 0) > piecesMax) {
      this.#onOverflow();
      return false;
    }
    if (pendingBytes > this.#limits.highWaterMarkBytes && !this.#dropsNow)
      this.#pass.backPressure.report(this);
    return true;
  }

  get #lowWaterMarkBytes(): number {
    const { highWaterMarkBytes } = this.#limits;
    return highWaterMarkBytes - Math.min(drainBytesMax, highWaterMarkBytes * drainShare);
  }
}

function follows(first: Buffer, second: Buffer): boolean {
  return first.byteOffset + first.length === second.byteOffset;
}

interface Piece {
  readonly bytes: Buffer;
  /** What to let go of once the bytes are sent; null when they are nobody's to reuse. */
  readonly lease: Lease | null;
}
