/**
 * A connection without a socket, for clients in the broker's own process: one end is a {@link Wire}, the other looks
 * like a browser's WebSocket, which is what the official clients take from a factory (`wsFactory`). Nothing is
 * delivered inside the call that sent it, so neither end is ever re-entered.
 */
import { Connection, type ConnectionContext, type Wire } from "./connection.ts";

export interface InProcessMessageEvent {
  readonly type: "message";
  readonly data: ArrayBuffer;
}

export interface InProcessCloseEvent {
  readonly type: "close";
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

interface InProcessEvents {
  open: { readonly type: "open" };
  message: InProcessMessageEvent;
  close: InProcessCloseEvent;
  /** Never: there is nothing between the two ends that could fail. */
  error: { readonly type: "error"; readonly message: string };
}

type Listener<Name extends keyof InProcessEvents> = (event: InProcessEvents[Name]) => void;

const connecting = 0;
const open = 1;
const closing = 2;
const closed = 3;

const peer = { address: "in-process", port: 0 };

/** @param onConnection attaches a session to the connection; it is greeted and ready some moments later */
export function connectInProcess(
  context: ConnectionContext,
  onConnection: (connection: Connection) => void,
): InProcessSocket {
  const socket = new InProcessSocket();
  const connection = new Connection((owner) => new InProcessWire(socket, owner), peer, null, context);
  onConnection(connection);
  return socket;
}

/** The client's end. Binary messages, each an ArrayBuffer of its own. */
export class InProcessSocket {
  readonly CONNECTING = connecting;
  readonly OPEN = open;
  readonly CLOSING = closing;
  readonly CLOSED = closed;
  readonly url = "in-process:";
  readonly protocol = "";
  readonly extensions = "";
  /** Accepted for compatibility: what arrives is an ArrayBuffer in any case. */
  binaryType = "arraybuffer";
  readyState: 0 | 1 | 2 | 3 = connecting;
  onopen: Listener<"open"> | null = null;
  onmessage: Listener<"message"> | null = null;
  onclose: Listener<"close"> | null = null;
  onerror: Listener<"error"> | null = null;
  readonly #listeners = new Map<string, Set<(event: never) => void>>();
  #wire: InProcessWire | null = null;

  /** For the wire. */
  attach(wire: InProcessWire): void {
    this.#wire = wire;
  }

  /** Bytes that the broker has not taken yet. */
  get bufferedAmount(): number {
    return this.#wire?.waitingBytes ?? 0;
  }

  /** Takes a copy. @throws Error before it is open; what is sent after the end is dropped */
  send(data: ArrayBuffer | ArrayBufferView | string): void {
    if (this.readyState === connecting) throw new Error("the connection is not open yet");
    if (this.readyState === open) this.#wire?.take(bytesOf(data));
  }

  close(code = 1000, reason = ""): void {
    if (this.readyState >= closing) return;
    this.readyState = closing;
    this.#wire?.leave(code, reason);
  }

  addEventListener<Name extends keyof InProcessEvents>(name: Name, listener: Listener<Name>): void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
  }

  removeEventListener<Name extends keyof InProcessEvents>(name: Name, listener: Listener<Name>): void {
    this.#listeners.get(name)?.delete(listener);
  }

  /** For the wire. */
  dispatch<Name extends keyof InProcessEvents>(name: Name, event: InProcessEvents[Name]): void {
    (this[`on${name}`] as Listener<Name> | null)?.(event);
    for (const listener of this.#listeners.get(name) ?? []) (listener as Listener<Name>)(event);
  }
}

/** The broker's end. What it writes is delivered in the next turn of the event loop, one batch at a time. */
class InProcessWire implements Wire {
  /** Every piece is copied at once, but taken only when it is delivered. */
  readonly holdsWrites = true;
  readonly #socket: InProcessSocket;
  readonly #connection: Connection;
  /** From the client, not yet taken. */
  readonly #inbox: Buffer[] = [];
  waitingBytes = 0;
  #paused = true;
  #scheduled = false;
  /** The client has said goodbye; taken when everything that it sent before is. */
  #leaving: { readonly code: number; readonly reason: string } | null = null;
  #outgoing: ArrayBuffer | null = null;
  #gone = false;

  constructor(socket: InProcessSocket, connection: Connection) {
    this.#socket = socket;
    this.#connection = connection;
    socket.attach(this);
    setImmediate(() => this.#open());
  }

  // For the client's end.

  take(bytes: Buffer): void {
    this.#inbox.push(bytes);
    this.waitingBytes += bytes.length;
    this.#schedule();
  }

  leave(code: number, reason: string): void {
    this.#leaving ??= { code, reason };
    this.#schedule();
  }

  // Wire

  write(pieces: readonly Buffer[]): boolean {
    // Never a slice of Node's pool: the client sees the whole ArrayBuffer.
    const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    this.#outgoing = bytes.buffer;
    setImmediate(() => this.#deliver());
    return false;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  end(code: number, text: string): void {
    const said = this.#leaving;
    this.#finish({
      type: "close",
      code: said?.code ?? code,
      reason: said?.reason ?? text,
      wasClean: true,
    });
  }

  /** Within a process nothing is on its way. */
  abort(code: number, text: string): void {
    this.end(code, text);
  }

  destroy(): void {
    this.#finish({ type: "close", code: 1006, reason: "", wasClean: false });
  }

  #open(): void {
    if (this.#gone) return;
    if (this.#socket.readyState === connecting) {
      this.#socket.readyState = open;
      this.#socket.dispatch("open", { type: "open" });
    }
    this.#connection.greet();
    this.#connection.ready();
  }

  #schedule(): void {
    if (this.#scheduled || this.#paused) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#takeAll();
    });
  }

  #takeAll(): void {
    while (this.#inbox.length > 0 && !this.#paused) {
      const bytes = this.#inbox.length === 1 ? (this.#inbox[0] as Buffer) : Buffer.concat(this.#inbox);
      this.#inbox.length = 0;
      this.waitingBytes = 0;
      this.#connection.receive(bytes, 0, bytes.length, true);
    }
    if (this.#inbox.length === 0 && this.#leaving !== null && !this.#gone) this.#connection.ended();
  }

  #deliver(): void {
    const data = this.#outgoing;
    this.#outgoing = null;
    if (this.#gone || data === null) return;
    try {
      if (this.#socket.readyState === open) this.#socket.dispatch("message", { type: "message", data });
    } finally {
      this.#connection.written();
    }
  }

  #finish(event: InProcessCloseEvent): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#inbox.length = 0;
    this.waitingBytes = 0;
    this.#socket.readyState = closing;
    setImmediate(() => {
      this.#socket.readyState = closed;
      this.#connection.lost("Client Closed");
      this.#socket.dispatch("close", event);
    });
  }
}

function bytesOf(data: ArrayBuffer | ArrayBufferView | string): Buffer {
  if (typeof data === "string") return Buffer.from(data, "utf8");
  if (data instanceof ArrayBuffer) return Buffer.from(new Uint8Array(data));
  return Buffer.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
