/**
 * What waits to be sent to one peer. During a pass bytes are appended to a borrowed buffer; at its end they go to
 * the {@link Sink} in one write. While the kernel has not taken a write, more gathers behind it, up to
 * `pendingBytesMax`; beyond that the peer is too slow and is cut.
 *
 * **Invariant.** `pendingBytes` is the sum of what is being written, `#sealed`, and `bytes[#start, at)`.
 */
import { emptyBytes } from "../base/bytes.ts";
import type { FlushPass } from "./flush-pass.ts";

/** Where pieces go. A sink has at most one write under way. */
export interface Sink {
  /**
   * Writes the pieces in order.
   * @returns true when all was taken: the bytes may be used again at once. Otherwise the sink calls
   * {@link Outbound.onWritten} later, and until then nobody may touch them.
   */
  write(pieces: readonly Buffer[]): boolean;
  /** Whether the peer has taken something lately, so that waiting for it makes sense. */
  readonly makesProgress: boolean;
}

export interface OutboundLimits {
  readonly pendingBytesMax: number;
  /** Above this share of it, publishers are held back: three quarters. */
  readonly crowdedBytes: number;
}

/** Larger writes take long enough that the peer could have begun to read. */
const writeBytesMax = 1024 * 1024;
/** Bounds the pieces (and so the views of other people's buffers) that wait for one peer. */
const piecesMax = 65_536;

export class Outbound {
  /** The borrowed buffer and where to append; `at` may move forward as far as `bytes.length`. See {@link reserve}. */
  bytes: Buffer = emptyBytes;
  at = 0;
  #start = 0;
  /** Refuses everything: the peer is gone or is being cut. */
  closed = false;
  readonly #sink: Sink;
  readonly #pass: FlushPass;
  readonly #limits: OutboundLimits;
  readonly #onOverflow: () => void;
  #sealed: Buffer[] | null = null;
  #sealedBytes = 0;
  /** Borrowed buffers that `#sealed` refers to. */
  #lent: Buffer[] | null = null;
  #writingBytes = 0;
  #writingLent: Buffer[] | null = null;
  #queued = false;
  /** Views of the current read chunk are among the pieces. */
  #holdsChunk = false;
  /** Chunks kept for this output; see {@link FlushPass.keepChunk}. */
  #chunksKept = 0;
  /** Called once each time everything has been taken while somebody waits for that. */
  #onRelief: (() => void)[] | null = null;

  constructor(sink: Sink, pass: FlushPass, limits: OutboundLimits, onOverflow: () => void) {
    this.#sink = sink;
    this.#pass = pass;
    this.#limits = limits;
    this.#onOverflow = onOverflow;
  }

  get pendingBytes(): number {
    return this.#writingBytes + this.#sealedBytes + this.at - this.#start;
  }

  get writing(): boolean {
    return this.#writingBytes > 0;
  }

  /** Whether a view appended now would most likely be with the kernel at the end of this pass. */
  get idle(): boolean {
    return this.#writingBytes === 0;
  }

  get crowded(): boolean {
    return this.pendingBytes > this.#limits.crowdedBytes;
  }

  /**
   * Makes room for `count` bytes at `bytes[at]`. The caller then writes there and moves `at`.
   * @returns false when the peer is gone or too far behind; nothing may be appended then
   */
  reserve(count: number): boolean {
    if (this.closed) return false;
    if (this.bytes.length - this.at < count && !this.#renew(count)) return false;
    if (!this.#queued) {
      this.#queued = true;
      this.#pass.add(this);
    }
    return true;
  }

  /** Appends a copy of `source`. */
  append(source: Uint8Array): void {
    if (!this.reserve(source.length)) return;
    this.bytes.set(source, this.at);
    this.at += source.length;
  }

  /** Appends a wire string. */
  appendText(text: string): void {
    if (!this.reserve(text.length)) return;
    this.at += this.bytes.latin1Write(text, this.at, text.length);
  }

  /** Whether waiting for this peer to take something makes sense. */
  get makesProgress(): boolean {
    return this.#sink.makesProgress;
  }

  /**
   * Appends `view` itself. Call {@link reserve} first.
   * @param lasting whether its bytes never change; else they are the current read chunk's, and if they are not with
   * the kernel by the end of the pass, the chunk is kept for them ({@link FlushPass.chunkKept})
   */
  appendView(view: Buffer, lasting: boolean): void {
    this.#sealAppended();
    if (!lasting) this.#holdsChunk = true;
    this.#sealed ??= [];
    this.#sealed.push(view);
    this.#sealedBytes += view.length;
    this.#checkOverflow();
  }

  /** Calls `callback` once the peer has taken enough that it is not crowded any more, or is gone. */
  onRelief(callback: () => void): void {
    if (this.closed || !this.crowded) return callback();
    (this.#onRelief ??= []).push(callback);
  }

  /** For {@link FlushPass}: hands everything gathered to the sink, unless a write is under way. */
  flush(): void {
    this.#queued = false;
    while (this.#writingBytes === 0 && !this.closed) {
      const pieces = this.#nextPieces();
      if (pieces === null || !this.#sink.write(pieces)) break;
      this.#writtenDown();
    }
    if (!this.#holdsChunk) return;
    this.#holdsChunk = false;
    if (this.#writingBytes === 0) return;
    this.#chunksKept++;
    this.#pass.keepChunk();
  }

  /** For the sink: the write that it had not taken at once is done. */
  onWritten(): void {
    if (this.#writingBytes === 0) return;
    this.#writtenDown();
    this.flush();
    if (this.#onRelief !== null && !this.crowded) this.#relieve();
  }

  /** Drops everything that waits. What the sink holds stays its own until it is done with it. */
  close(): void {
    this.closed = true;
    this.#giveBack(this.#lent);
    if (this.bytes !== emptyBytes) this.#pass.pool.giveBack(this.bytes);
    this.bytes = emptyBytes;
    this.at = 0;
    this.#start = 0;
    this.#sealed = null;
    this.#sealedBytes = 0;
    this.#lent = null;
    // Not given back: the kernel or TLS may still read from them.
    this.#writingLent = null;
    this.#writingBytes = 0;
    this.#holdsChunk = false;
    this.#releaseChunks();
    this.#relieve();
  }

  #writtenDown(): void {
    this.#writingBytes = 0;
    this.#giveBack(this.#writingLent);
    this.#writingLent = null;
    if (this.#sealedBytes === 0) this.#releaseChunks();
  }

  #releaseChunks(): void {
    if (this.#chunksKept > 0) this.#pass.releaseChunks(this.#chunksKept);
    this.#chunksKept = 0;
  }

  /** Takes up to {@link writeBytesMax} off the front as the write that is under way from now on. */
  #nextPieces(): Buffer[] | null {
    if (this.#sealedBytes === 0 || this.#sealedBytes + this.at - this.#start <= writeBytesMax) {
      this.#sealCurrent();
      const all = this.#sealed;
      if (all === null) return null;
      this.#writingBytes = this.#sealedBytes;
      this.#writingLent = this.#lent;
      this.#sealed = null;
      this.#sealedBytes = 0;
      this.#lent = null;
      return all;
    }
    const sealed = this.#sealed as Buffer[];
    let bytes = 0;
    let count = 0;
    while (count < sealed.length && bytes < writeBytesMax) bytes += (sealed[count++] as Buffer).length;
    const pieces = sealed.splice(0, count);
    this.#writingBytes = bytes;
    this.#writingLent = this.#lentFor(pieces);
    this.#sealedBytes -= bytes;
    if (sealed.length === 0) this.#sealed = null;
    return pieces;
  }

  /** Of the lent buffers, those that no piece left behind refers to. Pieces are in the order in which buffers were lent. */
  #lentFor(pieces: readonly Buffer[]): Buffer[] | null {
    if (this.#lent === null) return null;
    const stillUsed = this.#sealed?.[0]?.buffer;
    const used = new Set(pieces.map((piece) => piece.buffer));
    const free = this.#lent.filter((buffer) => used.has(buffer.buffer) && buffer.buffer !== stillUsed);
    this.#lent = this.#lent.filter((buffer) => !free.includes(buffer));
    return free;
  }

  /** Turns what was appended to the borrowed buffer into a piece; what follows goes behind it in the same buffer. */
  #sealAppended(): void {
    if (this.at === this.#start) return;
    this.#sealed ??= [];
    this.#sealed.push(this.bytes.subarray(this.#start, this.at));
    this.#sealedBytes += this.at - this.#start;
    this.#start = this.at;
  }

  /** Seals what was appended and parts with the buffer. */
  #sealCurrent(): void {
    if (this.bytes === emptyBytes) return;
    this.#sealAppended();
    (this.#lent ??= []).push(this.bytes);
    this.bytes = emptyBytes;
    this.at = 0;
    this.#start = 0;
  }

  #renew(count: number): boolean {
    const previousBytes = this.bytes.length;
    this.#sealCurrent();
    if (!this.#checkOverflow()) return false;
    // May flush this very output, so the new buffer comes after it.
    this.#pass.gathered(Math.max(count, previousBytes));
    if (this.closed) return false;
    this.bytes = this.#pass.pool.borrow(count, previousBytes);
    return true;
  }

  #checkOverflow(): boolean {
    const pendingBytes = this.pendingBytes;
    if (pendingBytes > this.#limits.pendingBytesMax || (this.#sealed?.length ?? 0) > piecesMax) {
      this.#onOverflow();
      return false;
    }
    if (pendingBytes > this.#limits.crowdedBytes) this.#pass.crowded.add(this);
    return true;
  }

  #giveBack(buffers: Buffer[] | null): void {
    if (buffers === null) return;
    for (const buffer of buffers) this.#pass.pool.giveBack(buffer);
  }

  #relieve(): void {
    const waiting = this.#onRelief;
    this.#onRelief = null;
    if (waiting !== null) for (const callback of waiting) callback();
  }
}
