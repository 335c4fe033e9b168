/**
 * One connection, whatever carries it: bytes in, an {@link Outbound} out, and one way to end. It knows no verb of the
 * protocol. What differs between TCP, TLS, WebSocket and in-process is behind {@link Wire}.
 */
import type { Clock, Deadline } from "../base/clock.ts";
import type { FlushPass } from "./flush-pass.ts";
import { Outbound, type OutboundLimits, type Sink } from "./outbound.ts";

/**
 * The carrier under a connection. It begins paused, and calls {@link Connection.receive}, {@link Connection.written},
 * {@link Connection.ended} and {@link Connection.lost}, the last in any case.
 */
export interface Wire {
  /** As {@link Sink.write}; {@link Connection.written} follows when it returns false. */
  write(pieces: readonly Buffer[]): boolean;
  /** As {@link Sink.holdsWrites}. */
  readonly holdsWrites: boolean;
  pause(): void;
  resume(): void;
  /** Sends what was written, then says goodbye. `code` and `text` reach the peer where the carrier has a place for them. */
  end(code: number, text: string): void;
  /** The same, and closes at once: who has sent what was not read is reset, and so knows that it was not taken. */
  abort(code: number, text: string): void;
  /** Lets go of everything at once. */
  destroy(): void;
}

export interface ConnectionHandler {
  /** The number of the session; the connection goes by it in {@link BackPressure}. */
  readonly id: number;
  /** The peer may be greeted. Once; over TLS it may come before the handshake, so that the greeting goes in clear. */
  onGreet(): void;
  /** What the peer says is delivered from now on. Once, after {@link onGreet}. */
  onReady(): void;
  /** `chunk[start, end)` is valid until it returns, unless `stable`. Throws only by our own mistake. */
  onData(chunk: Buffer, start: number, end: number, stable: boolean): void;
  /** What {@link Connection.stall} had stopped may go on. */
  onRelease(): void;
  /** Once, at the end, whoever ended it. Nothing is delivered to or taken from the connection any more. */
  onClose(reason: string): void;
}

export interface PeerAddress {
  readonly address: string;
  readonly port: number;
}

export interface TlsState {
  readonly version: string;
  readonly cipher: string;
  /** DER of the peer's verified certificate; null when it sent none. */
  readonly peerCertificate: Buffer | null;
  readonly handshakeFirst: boolean;
}

export interface ConnectionLimits extends OutboundLimits {
  readonly writeDeadlineMs: number;
}

/** How long a peer that was told goodbye may take to hear it. */
const lingerMs = 1_000;
/** What is read from it meanwhile; who sends more does not listen. */
const droppedBytesMax = 64 * 1024;
/** A receiver that has taken nothing for this long is not waited for. */
const progressMsMax = 1_000;
/** Times are sums of fractions: without it, a receiver would be waited for once more or not, by chance. */
const progressSlackMs = 0.01;

export class Connection implements Sink {
  readonly peer: PeerAddress;
  readonly outbound: Outbound;
  #tls: TlsState | null;
  #wire: Wire;
  readonly #pass: FlushPass;
  readonly #clock: Clock;
  readonly #onFault: (error: unknown) => void;
  #limits: ConnectionLimits;
  #handler: ConnectionHandler | null = null;
  #id = 0;
  #greeted = false;
  #closed = false;
  /** Why reading is off; the wire reads only when nobody wants it to stop. Starts at one, which {@link ready} takes away. */
  #pauses = 1;
  /** Write deadline while open, linger when closed. */
  #deadline: Deadline | null = null;
  #writeStartedMs = 0;
  #lastProgressMs: number;
  /** Read and dropped since the end. */
  #droppedBytes = 0;
  /** The carrier has been told to end: all that the peer is owed is on its way. */
  #saidGoodbye = false;
  /**
   * Set by the session: what it gets is few large messages for few receivers, so that reading more at once saves more
   * than it keeps others waiting.
   */
  paysLargeReads = false;
  /** How often this publisher was stalled. */
  stallCount = 0;

  constructor(
    makeWire: (connection: Connection) => Wire,
    peer: PeerAddress,
    tls: TlsState | null,
    context: ConnectionContext,
  ) {
    this.peer = peer;
    this.#tls = tls;
    this.#pass = context.pass;
    this.#clock = context.clock;
    this.#onFault = context.onFault;
    this.#limits = context.limits;
    this.#lastProgressMs = context.clock.nowMs();
    this.#wire = makeWire(this);
    this.outbound = new Outbound(this, context.pass, context.limits, () =>
      this.#cut("Slow Consumer (Pending Bytes)"),
    );
  }

  /** Must be called before the listener greets. */
  attach(handler: ConnectionHandler): void {
    this.#handler = handler;
    this.#id = handler.id;
  }

  /** Of the session; 0 before it is attached. */
  get id(): number {
    return this.#id;
  }

  /** Null for a connection in clear, and before the handshake. */
  get tls(): TlsState | null {
    return this.#tls;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get pendingBytes(): number {
    return this.outbound.pendingBytes;
  }

  /** Whether it still takes what it is sent, if slowly. */
  get makesProgress(): boolean {
    return this.#clock.nowMs() - this.#lastProgressMs < progressMsMax - progressSlackMs;
  }

  get holdsWrites(): boolean {
    return this.#wire.holdsWrites;
  }

  // For the listener: how a connection begins.

  /** The wire takes bytes: the session may say its greeting, which is sent before this returns. */
  greet(): void {
    if (this.#greeted) return;
    this.#greeted = true;
    this.#run(() => this.#handler?.onGreet());
  }

  /** The carrier is changed under the connection, as TLS does after a greeting in clear. */
  carryOn(wire: Wire, tls: TlsState | null): void {
    this.#wire = wire;
    this.#tls = tls;
  }

  /** The peer may speak. */
  ready(): void {
    this.#run(() => this.#handler?.onReady());
    this.resumeReading();
  }

  // For the wire.

  /** Bytes from the peer. One call is one pass, or part of the one that the wire has begun. */
  receive(chunk: Buffer, start: number, end: number, stable: boolean): void {
    const handler = this.#handler;
    if (this.#closed) return this.drop(end - start);
    if (handler === null) return;
    const pass = this.#pass;
    pass.enter();
    try {
      handler.onData(chunk, start, end, stable);
      const { backPressure } = pass;
      if (backPressure.areAboveHighWaterMark) this.stall();
      // What was read already goes its way.
      if (backPressure.isStoreAboveHighWaterMark && !this.#closed)
        this.#stalled(backPressure.stallForStore(this.#id, () => this.#goOn()));
    } catch (error) {
      this.#onFault(error);
    } finally {
      pass.leave();
    }
  }

  /** So many bytes have come that nobody looks at. Bounded: then the peer is read no more, and let go. */
  drop(bytes: number): void {
    this.#droppedBytes += bytes;
    if (this.#droppedBytes <= droppedBytesMax) return;
    this.#wire.pause();
    if (this.#saidGoodbye) this.#wire.destroy();
  }

  /** Whether the chunk just received is still needed by somebody; asking resets it. */
  takeChunkKept(): boolean {
    return this.#pass.takeChunkKept();
  }

  /** The write under way is done. */
  written(): void {
    this.#lastProgressMs = this.#clock.nowMs();
    this.#run(() => this.outbound.onWritten());
    if (this.#closed || this.outbound.writing) return;
    this.#deadline?.cancel();
    this.#deadline = null;
  }

  /** The peer says no more. What it is owed is still sent. */
  ended(): void {
    this.close("Client Closed", 1000);
  }

  /** The peer is gone, or the carrier failed. */
  lost(reason: string): void {
    this.#finish(reason);
    this.#release();
  }

  // For the outbound queue.

  /** Starts the write deadline when the kernel does not take everything. */
  write(pieces: readonly Buffer[]): boolean {
    if (this.#wire.write(pieces)) return true;
    this.#writeStartedMs = this.#clock.nowMs();
    // What it did not do before it was given something to do says nothing.
    this.#lastProgressMs = this.#writeStartedMs;
    if (!this.#closed)
      this.#deadline ??= this.#clock.after(this.#limits.writeDeadlineMs, () => this.#checkWrite());
    return false;
  }

  // For the session.

  /** Nothing is read until the matching {@link resumeReading}. Calls nest. */
  pauseReading(): void {
    if (this.#pauses++ === 0 && !this.#closed) this.#wire.pause();
  }

  resumeReading(): void {
    if (--this.#pauses === 0 && !this.#closed) this.#wire.resume();
  }

  /**
   * For a publisher that has caused receivers above their mark to be reported: it is not read until it may go on
   * ({@link BackPressure.stall}). What it publishes next may stall it again.
   * @returns whether the handler is to stop where it is, until it is told {@link ConnectionHandler.onRelease}
   */
  stall(): boolean {
    return !this.#closed && this.#stalled(this.#pass.backPressure.stall(this.#id, () => this.#goOn()));
  }

  #stalled(isStalled: boolean): boolean {
    if (isStalled) {
      this.stallCount++;
      this.pauseReading();
    }
    return isStalled;
  }

  /**
   * Sends what is queued, then ends. The session is told at once; the peer gets a moment to hear what was said, in
   * which what it still sends is read and dropped, up to {@link droppedBytesMax}: closing on unread bytes may take the
   * last words back.
   * @param code WebSocket close code
   * @param isAbrupt nothing more is read, so that a peer in the middle of what was refused sees a reset behind the last
   *   words, and not an end like any other
   */
  close(reason: string, code: number, isAbrupt = false): void {
    if (this.#closed) return;
    this.#finish(reason, () => {
      const wire = this.#wire;
      this.#deadline = this.#clock.after(lingerMs, () => this.#wire.destroy());
      if (isAbrupt) wire.pause();
      else wire.resume();
      this.outbound.end(() => {
        this.#saidGoodbye = true;
        if (isAbrupt) wire.abort(code, reason);
        else wire.end(code, reason);
      });
    });
  }

  /** Ends without sending what is queued. */
  destroy(reason: string): void {
    if (this.#closed) return;
    this.#finish(reason);
    this.#release();
  }

  setLimits(limits: ConnectionLimits): void {
    this.#limits = limits;
    this.outbound.setLimits(limits);
  }

  /** Called inside a delivery, so the rest of it waits until the pass ends. */
  #cut(reason: string): void {
    if (this.outbound.closed) return;
    this.outbound.closed = true;
    this.#pass.defer("decide", () => this.destroy(reason));
  }

  /** Once. @param goodbye what else is to be done before the session is told; without it, what is queued is dropped */
  #finish(reason: string, goodbye?: () => void): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#deadline?.cancel();
    this.#deadline = null;
    if (goodbye === undefined) this.outbound.close();
    else goodbye();
    const handler = this.#handler;
    this.#handler = null;
    this.#pass.backPressure.forget(this.#id);
    this.#run(() => handler?.onClose(reason));
  }

  /** Lets go of the carrier and of what waits for it. */
  #release(): void {
    this.#deadline?.cancel();
    this.#deadline = null;
    this.outbound.close();
    this.#wire.destroy();
  }

  #goOn(): void {
    this.#run(() => this.#handler?.onRelease());
    this.resumeReading();
  }

  #run(work: () => void): void {
    const pass = this.#pass;
    pass.enter();
    try {
      work();
    } catch (error) {
      this.#onFault(error);
    } finally {
      pass.leave();
    }
  }

  #checkWrite(): void {
    this.#deadline = null;
    if (this.#closed || !this.outbound.writing) return;
    const leftMs = this.#writeStartedMs + this.#limits.writeDeadlineMs - this.#clock.nowMs();
    if (leftMs <= 0) return this.destroy("Slow Consumer (Write Deadline)");
    this.#deadline = this.#clock.after(leftMs, () => this.#checkWrite());
  }
}

export interface ConnectionContext {
  readonly pass: FlushPass;
  readonly clock: Clock;
  readonly limits: ConnectionLimits;
  /** Told of our own mistakes: what a handler throws although it never should. */
  readonly onFault: (error: unknown) => void;
}
