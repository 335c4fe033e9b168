/**
 * One connection, whatever carries it: bytes in, an {@link Outbound} out, and one way to end. It knows no verb of the
 * protocol. What differs between TCP, TLS, WebSocket and in-process is behind {@link Wire}.
 */
import type { Clock, Deadline } from "../base/clock.ts";
import type { FlushPass } from "./flush-pass.ts";
import { Outbound, type OutboundLimits, type Sink } from "./outbound.ts";

/** The carrier under a connection. It calls {@link Connection.receive}, {@link Connection.written} and {@link Connection.lost}. */
export interface Wire {
  /** As {@link Sink.write}; {@link Connection.written} follows when it returns false. */
  write(pieces: readonly Buffer[]): boolean;
  pause(): void;
  resume(): void;
  /** Sends what was written, then says goodbye. `code` and `text` reach the peer where the carrier has a place for them. */
  end(code: number, text: string): void;
  /** Lets go of everything at once. */
  destroy(): void;
}

export interface ConnectionHandler {
  /** `chunk[start, end)` is valid until it returns, unless `stable`. Throws only by our own mistake. */
  onData(chunk: Buffer, start: number, end: number, stable: boolean): void;
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
/** A receiver that has taken nothing for this long is not waited for. */
const progressMsMax = 500;
/** The longest that one publisher is held back in one go. */
const holdMsMax = 100;

export class Connection implements Sink {
  readonly peer: PeerAddress;
  readonly tls: TlsState | null;
  readonly outbound: Outbound;
  readonly #wire: Wire;
  readonly #pass: FlushPass;
  readonly #clock: Clock;
  readonly #onFault: (error: unknown) => void;
  #limits: ConnectionLimits;
  #handler: ConnectionHandler | null = null;
  #closed = false;
  #ending = false;
  /** Why reading is off; the wire reads only when nobody wants it to stop. */
  #holds = 0;
  #deadline: Deadline | null = null;
  #writeStartedMs = 0;
  #lastProgressMs: number;
  holdCount = 0;

  constructor(
    makeWire: (connection: Connection) => Wire,
    peer: PeerAddress,
    tls: TlsState | null,
    context: ConnectionContext,
  ) {
    this.peer = peer;
    this.tls = tls;
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

  /** Must be called before the wire delivers anything. */
  attach(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get pendingBytes(): number {
    return this.outbound.pendingBytes;
  }

  /** For the wire: bytes from the peer. One call is one pass. */
  receive(chunk: Buffer, start: number, end: number, stable: boolean): void {
    if (this.#closed || this.#handler === null) return;
    const pass = this.#pass;
    pass.enter();
    try {
      this.#handler.onData(chunk, start, end, stable);
      if (pass.crowded.size > 0) this.#holdFor(pass.crowded);
    } catch (error) {
      this.#onFault(error);
    } finally {
      pass.leave();
    }
  }

  /** Whether the chunk just received is still needed by somebody; asking resets it. */
  takeChunkKept(): boolean {
    const kept = this.#pass.chunkKept;
    this.#pass.chunkKept = false;
    return kept;
  }

  /** For the outbound queue. Starts the write deadline when the kernel does not take everything. */
  write(pieces: readonly Buffer[]): boolean {
    if (this.#wire.write(pieces)) return true;
    this.#writeStartedMs = this.#clock.nowMs();
    this.#deadline ??= this.#clock.after(this.#limits.writeDeadlineMs, () => this.#checkWrite());
    return false;
  }

  /** For the wire: the write under way is done. */
  written(): void {
    this.#lastProgressMs = this.#clock.nowMs();
    if (this.#closed) return;
    this.#pass.run(() => this.outbound.onWritten());
    if (!this.outbound.writing) {
      this.#deadline?.cancel();
      this.#deadline = null;
    }
  }

  /** For the wire: the peer is gone, or the carrier failed. */
  lost(reason: string): void {
    this.#finish(reason);
    this.#wire.destroy();
  }

  /** Once, when a handler is attached. */
  startReading(): void {
    if (!this.#closed && this.#holds === 0) this.#wire.resume();
  }

  /** Nothing is read until the matching {@link resumeReading}. Calls nest. */
  pauseReading(): void {
    if (this.#holds++ === 0) this.#wire.pause();
  }

  resumeReading(): void {
    if (--this.#holds === 0 && !this.#closed) this.#wire.resume();
  }

  /**
   * Sends what is queued, then ends. The handler is told at once; the peer gets a moment to hear what was said.
   * @param code WebSocket close code
   */
  close(reason: string, code: number): void {
    if (this.#closed) return;
    this.outbound.flush();
    this.#ending = true;
    this.#finish(reason);
    this.#wire.end(code, reason);
    this.#clock.after(lingerMs, () => this.#wire.destroy());
  }

  /** Ends without sending what is queued. */
  destroy(reason: string): void {
    if (this.#closed) return;
    this.#finish(reason);
    this.#wire.destroy();
  }

  /** Whether {@link close} was called: what the peer still sends is read and dropped. */
  get ending(): boolean {
    return this.#ending;
  }

  setLimits(limits: ConnectionLimits): void {
    this.#limits = limits;
  }

  /** Called inside a delivery, so the rest of it waits until the pass ends. */
  #cut(reason: string): void {
    if (this.outbound.closed) return;
    this.outbound.closed = true;
    this.#pass.defer(() => this.destroy(reason));
  }

  #finish(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#deadline?.cancel();
    this.#deadline = null;
    this.outbound.close();
    const handler = this.#handler;
    this.#handler = null;
    this.#pass.run(() => handler?.onClose(reason));
  }

  #checkWrite(): void {
    this.#deadline = null;
    if (this.#closed || !this.outbound.writing) return;
    const leftMs = this.#writeStartedMs + this.#limits.writeDeadlineMs - this.#clock.nowMs();
    if (leftMs <= 0) return this.destroy("Slow Consumer (Write Deadline)");
    this.#deadline = this.#clock.after(leftMs, () => this.#checkWrite());
  }

  /** Whether it still takes what it is sent, if slowly. */
  get makesProgress(): boolean {
    return this.#clock.nowMs() - this.#lastProgressMs < progressMsMax;
  }

  /**
   * Stops reading this publisher until the receivers that it has crowded have caught up, or for {@link holdMsMax}.
   * Receivers that take nothing at all are not waited for: they are cut when they are full.
   */
  #holdFor(crowded: ReadonlySet<Outbound>): void {
    for (const outbound of crowded) {
      if (outbound === this.outbound || !outbound.crowded || !outbound.makesProgress) continue;
      this.holdCount++;
      this.pauseReading();
      let released = false;
      const release = (): void => {
        if (released) return;
        released = true;
        deadline.cancel();
        this.resumeReading();
      };
      const deadline = this.#clock.after(holdMsMax, release);
      outbound.onRelief(release);
      return;
    }
  }
}

export interface ConnectionContext {
  readonly pass: FlushPass;
  readonly clock: Clock;
  readonly limits: ConnectionLimits;
  /** Told of our own mistakes: what a handler throws although it never should. */
  readonly onFault: (error: unknown) => void;
}
