/**
 * Plain TCP. Accepted sockets read into a shared buffer (see read-buffer.ts), which Node offers through the `onread`
 * option, and for accepted sockets only by taking the handle over into a socket of our own.
 */
import type net from "node:net";
import { Socket, type SocketConstructorOpts } from "node:net";
import { emptyBytes } from "../../base/bytes.ts";
import type { Connection, Wire } from "../connection.ts";
import type { ReadBuffer } from "../read-buffer.ts";

/** What of Node's sockets is not in its type definitions. */
interface HandleHolder {
  _handle: (object & { setNoDelay?: (on: boolean) => void }) | null;
  _server?: net.Server | null;
  server?: net.Server | null;
}

/** So many reads in a row that fill the small buffer ask for the large one. */
const fullReadsForLarge = 4;

/**
 * Makes an accepted, paused socket (`pauseOnConnect`) read through `onread`, if this runtime lets us.
 * @param paysLarge asked after a chunk that filled the small buffer: whether the next may be sixteen times as large
 * @returns a paused socket that calls `onChunk`; the accepted socket must not be used any more
 */
export function adoptSocket(
  accepted: net.Socket,
  buffers: ReadBuffer,
  onChunk: (chunk: Buffer, length: number) => void,
  paysLarge: () => boolean,
): net.Socket {
  const holder = accepted as unknown as HandleHolder;
  const handle = holder._handle;
  const server = holder._server ?? holder.server ?? null;
  if (handle === null) return accepted;
  let fullReads = 0;
  let own: Buffer | null = null;

  const socket = new Socket({
    handle,
    allowHalfOpen: true,
    pauseOnCreate: true,
    onread: {
      buffer: () => own ?? buffers.shared,
      callback: (length: number, chunk: Buffer) => {
        if (buffers.deliver(chunk, length, onChunk)) own = null;
        fullReads = length >= buffers.smallBytes && paysLarge() ? fullReads + 1 : 0;
        if (fullReads >= fullReadsForLarge && !socket.destroyed) own ??= buffers.takeOwn();
        else giveBack();
        return true;
      },
    },
  } as unknown as SocketConstructorOpts);
  const giveBack = (): void => {
    if (own !== null) buffers.giveBack(own);
    own = null;
  };
  socket.once("close", giveBack);
  holder._handle = null;
  // The server counts its open sockets by this; see net.Server.close.
  const adopted = socket as unknown as HandleHolder;
  adopted._server = server;
  adopted.server = server;
  handle.setNoDelay?.(true);
  return socket;
}

/** Delivers what the adopted socket reads. */
export function chunkReceiver(
  connection: Connection,
  buffers: ReadBuffer,
): (chunk: Buffer, length: number) => void {
  return (chunk, length) => {
    connection.receive(chunk, 0, length, false);
    if (connection.takeChunkKept()) buffers.part(chunk);
  };
}

/** A wire over a TCP or TLS socket, which is paused and half-open on purpose: what is owed to a peer is sent after its end. */
export class SocketWire implements Wire {
  readonly holdsWrites: boolean;
  readonly #socket: net.Socket;
  readonly #connection: Connection;
  /** Callbacks still to come for writes that were taken at once. */
  #ignored = 0;
  #failed = false;
  readonly #onWritten = (): void => {
    if (this.#ignored > 0) this.#ignored--;
    else this.#connection.written();
  };
  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#failed = true;
    this.#connection.lost(error.syscall === "write" || error.code === "EPIPE" ? "Write Error" : "Read Error");
  };
  readonly #onEnd = (): void => this.#connection.ended();
  readonly #onClose = (): void => this.#connection.lost(this.#failed ? "Read Error" : "Client Closed");

  /** @param holdsWrites whether the socket keeps what it is given beyond the write, as TLS does */
  constructor(socket: net.Socket, connection: Connection, holdsWrites: boolean) {
    this.#socket = socket;
    this.#connection = connection;
    this.holdsWrites = holdsWrites;
    socket.on("error", this.#onError);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onClose);
  }

  /**
   * Parts with the socket, so that another wire may carry on over it.
   * @param then called when everything that was written is on its way
   */
  release(then: () => void): void {
    const socket = this.#socket;
    socket.on("error", () => {});
    socket.removeListener("error", this.#onError);
    socket.removeListener("end", this.#onEnd);
    socket.removeListener("close", this.#onClose);
    if (socket.writableLength === 0) then();
    else socket.write(emptyBytes, then);
  }

  write(pieces: readonly Buffer[]): boolean {
    const socket = this.#socket;
    if (pieces.length === 1) socket.write(pieces[0] as Buffer, this.#onWritten);
    else {
      socket.cork();
      const last = pieces.length - 1;
      for (let at = 0; at < last; at++) socket.write(pieces[at] as Buffer);
      socket.write(pieces[last] as Buffer, this.#onWritten);
      socket.uncork();
    }
    // Node writes synchronously as much as the kernel takes; what is left, it counts.
    if (socket.writableLength > 0) return false;
    this.#ignored++;
    return true;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  /** Over TLS the kernel resets, unless everything that came was read. */
  abort(): void {
    if (this.holdsWrites) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
