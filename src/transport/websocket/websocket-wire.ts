/**
 * A WebSocket under a connection. `ws` owns the protocol: the handshake, control frames, closing, compression. Plain
 * data frames take a lane of their own past it, in both directions ({@link FrameReader} says why), so `ws` sits on a
 * stream ({@link ControlLane}) where it sees only control frames. Where compression was negotiated there is no such
 * lane, since plain and compressed messages must stay in order: `ws` sees everything.
 */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Connection, Wire } from "../connection.ts";
import type { FlushPass } from "../flush-pass.ts";
import { FrameReader, opcodeClose, writeFrameHead, type FrameHandler } from "./websocket-frames.ts";

/** Up to this many bytes go out in one buffer with the frame's head: copying them costs less than a second piece. */
const joinedBytesMax = 2_048;
const headBytesMax = 10;
/** What a close frame has room for. */
const closeTextBytesMax = 123;

/** The stream that `ws` is given for a socket: what it writes goes out, what it reads is what it is fed. */
export class ControlLane extends Duplex {
  readonly #socket: Socket;
  #fed = true;
  /** Called when `ws` wants more after {@link feed} returned false. */
  onHungry: () => void = () => {};

  constructor(socket: Socket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
  }

  /** @returns false when `ws` has enough for now */
  feed(bytes: Buffer | null): boolean {
    return (this.#fed = this.push(bytes));
  }

  override _read(): void {
    if (this.#fed) return;
    this.#fed = true;
    this.onHungry();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#socket.write(chunk, callback);
  }

  /** Head and payload of a frame come as two chunks, between which nothing else may be written. */
  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this.#socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#socket.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#socket.destroy();
    callback(error);
  }
}

/** What an upgraded request leaves. */
export interface UpgradedSocket {
  /** Paused; the listener hands what it reads to {@link WebSocketWire.onChunk}. */
  readonly socket: Socket;
  readonly lane: ControlLane;
  readonly ws: WebSocket;
  /** Whether the socket keeps what it is given beyond the write. */
  readonly holdsWrites: boolean;
}

export class WebSocketWire implements Wire, FrameHandler {
  readonly holdsWrites: boolean;
  readonly #socket: Socket;
  readonly #lane: ControlLane;
  readonly #ws: WebSocket;
  readonly #connection: Connection;
  readonly #pass: FlushPass;
  readonly #compressing: boolean;
  readonly #reader: FrameReader;
  /** What came behind the point where reading was stopped, and where in it to go on. */
  #rest: Buffer | null = null;
  #restAt = 0;
  #paused = true;
  /** `ws` has been fed more than it wants to hold. */
  #laneFull = false;
  /** `ws` has all of a message and has not given it back yet. */
  #inflating = false;
  /** How the peer said goodbye, for `ws` to answer when the peer has been sent what it is owed. */
  #goodbye: Buffer | "end" | null = null;
  /** We have said goodbye. */
  #ended = false;
  /** Nothing that the peer says makes sense any more. */
  #failed = false;
  /** The socket failed, rather than ended. */
  #broken = false;
  #reading = false;
  /** Callbacks still to come for writes that were taken at once. */
  #ignored = 0;
  readonly #onWritten = (): void => {
    if (this.#ignored > 0) this.#ignored--;
    else this.#connection.written();
  };

  constructor({ socket, lane, ws, holdsWrites }: UpgradedSocket, connection: Connection, pass: FlushPass) {
    this.#socket = socket;
    this.#lane = lane;
    this.#ws = ws;
    this.#connection = connection;
    this.#pass = pass;
    this.#compressing = ws.extensions !== "";
    this.#reader = new FrameReader(this, this.#compressing);
    this.holdsWrites = holdsWrites || this.#compressing;
    lane.onHungry = () => {
      this.#laneFull = false;
      this.#readOn();
    };
    socket.on("error", (error) => {
      this.#broken = true;
      lane.destroy(error);
    });
    socket.on("end", () => this.#leave("end"));
    socket.on("close", () => lane.destroy());
    ws.on("message", (data: Buffer) => this.#onMessage(data));
    ws.on("error", (error: NodeJS.ErrnoException) => {
      // It has told the peer already.
      this.#fail(error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" ? 1009 : 1002);
    });
    ws.on("close", () => connection.lost(this.#broken ? "Read Error" : "Client Closed"));
  }

  /** Bytes from the socket, changed on the way and not kept. */
  onChunk(bytes: Buffer, start: number, end: number): void {
    if (this.#deaf) return this.#connection.drop(end - start);
    const chunk = bytes.subarray(start, end);
    if (this.#rest !== null) this.#keep(Buffer.concat([this.#rest.subarray(this.#restAt), chunk]), 0);
    else if (this.#compressing) {
      // `ws` unmasks in place, and may hold it.
      const copy = Buffer.from(chunk);
      this.#keep(copy, this.#read(copy, 0, copy.length));
    } else {
      const at = this.#read(bytes, start, end);
      if (at < end) this.#keep(Buffer.from(bytes.subarray(at, end)), 0);
    }
  }

  // FrameHandler

  onPayload(bytes: Buffer, start: number, end: number): boolean {
    this.#connection.receive(bytes, start, end, false);
    return !this.#paused;
  }

  onRaw(bytes: Buffer, start: number, end: number, endsMessage: boolean): boolean {
    this.#inflating = endsMessage;
    return this.#feed(bytes.subarray(start, end));
  }

  onControl(frame: Buffer, opcode: number): boolean {
    if (opcode !== opcodeClose) return this.#feed(frame);
    this.#leave(frame);
    return false;
  }

  onViolation(code: number, text: string): void {
    this.#ws.close(code, text);
    this.#lane.end();
    this.#fail(code);
  }

  // Wire

  write(pieces: readonly Buffer[]): boolean {
    if (this.#ended || this.#ws.readyState !== this.#ws.OPEN) return true;
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    if (this.#compressing) {
      const whole = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, bytes);
      this.#ws.send(whole, { binary: true }, this.#onWritten);
      return false;
    }
    this.#writeFrame(pieces, bytes);
    if (this.#socket.writableLength > 0) return false;
    this.#ignored++;
    return true;
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    // Not now: whoever resumes may be in the middle of something.
    if (this.#rest !== null) queueMicrotask(() => this.#readOn());
    else if (!this.#laneFull) this.#socket.resume();
  }

  end(code: number, text: string): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#goodbye === null) this.#ws.close(code, text.slice(0, closeTextBytesMax));
    else this.#sayGoodbye(this.#goodbye);
  }

  abort(code: number, text: string): void {
    this.end(code, text);
    this.#lane.destroy();
  }

  destroy(): void {
    this.#lane.destroy();
  }

  #writeFrame(pieces: readonly Buffer[], bytes: number): void {
    const socket = this.#socket;
    if (bytes <= joinedBytesMax) {
      const frame = Buffer.allocUnsafe(headBytesMax + bytes);
      let at = writeFrameHead(frame, bytes);
      for (const piece of pieces) at += piece.copy(frame, at);
      socket.write(at === frame.length ? frame : frame.subarray(0, at), this.#onWritten);
      return;
    }
    const head = Buffer.allocUnsafe(headBytesMax);
    const last = pieces.length - 1;
    socket.cork();
    socket.write(head.subarray(0, writeFrameHead(head, bytes)));
    for (let at = 0; at < last; at++) socket.write(pieces[at] as Buffer);
    socket.write(pieces[last] as Buffer, this.#onWritten);
    socket.uncork();
  }

  /** One read is one pass, however many frames it holds. @returns where it stopped */
  #read(bytes: Buffer, start: number, end: number): number {
    this.#pass.enter();
    this.#reading = true;
    try {
      return this.#reader.read(bytes, start, end);
    } finally {
      this.#reading = false;
      this.#pass.leave();
    }
  }

  #keep(rest: Buffer, at: number): void {
    this.#rest = at < rest.length && !this.#deaf ? rest : null;
    this.#restAt = at;
  }

  /** Goes on where reading was stopped, if nothing stands in the way any more. */
  #readOn(): void {
    const rest = this.#rest;
    if (!this.#mayRead || this.#reading) return;
    if (rest !== null) {
      this.#rest = null;
      this.#keep(rest, this.#read(rest, this.#restAt, rest.length));
      this.#connection.takeChunkKept();
    }
    if (this.#mayRead && this.#rest === null) this.#socket.resume();
  }

  get #mayRead(): boolean {
    return !this.#paused && !this.#laneFull && !this.#inflating;
  }

  #feed(bytes: Buffer): boolean {
    if (!this.#lane.feed(bytes)) this.#laneFull = true;
    if (this.#mayRead) return true;
    this.#socket.pause();
    return false;
  }

  /** A message that `ws` has inflated, or, where compression was negotiated, not had to. */
  #onMessage(data: Buffer): void {
    this.#inflating = false;
    this.#connection.receive(data, 0, data.length, false);
    this.#connection.takeChunkKept();
    this.#readOn();
  }

  /** Whether what still comes is dropped. */
  get #deaf(): boolean {
    return this.#failed || this.#goodbye !== null;
  }

  #leave(goodbye: Buffer | "end"): void {
    if (this.#goodbye !== null) return;
    this.#goodbye = goodbye;
    if (this.#ended) this.#sayGoodbye(goodbye);
    else this.#connection.ended();
  }

  #sayGoodbye(goodbye: Buffer | "end"): void {
    this.#lane.feed(goodbye === "end" ? null : goodbye);
  }

  /** The peer has been told by `ws`; nothing that it is owed can follow. */
  #fail(code: number): void {
    this.#ended = true;
    this.#failed = true;
    this.#rest = null;
    this.#laneFull = false;
    this.#inflating = false;
    this.#connection.close(code === 1009 ? "Maximum Message Payload Exceeded" : "Read Error", code);
  }
}
