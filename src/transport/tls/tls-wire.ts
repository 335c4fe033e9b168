/** What carries a connection's bytes while it goes over to TLS, and afterwards; for either end of it. */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Connection, Wire } from "../connection.ts";
import { SocketWire } from "../tcp/socket-wire.ts";

export function encryptedWire(socket: TLSSocket, owner: Connection): Wire {
  socket.pause();
  socket.on("data", (chunk: Buffer) => {
    owner.receive(chunk, 0, chunk.length, false);
    owner.takeChunkKept();
  });
  return new SocketWire(socket, owner, true);
}

/** While the handshake runs: keeps what it is given until an encrypted wire carries on. */
export class WaitingWire implements Wire {
  readonly holdsWrites = true;
  pieces: readonly Buffer[] | null = null;
  readonly #raw: Socket;

  constructor(raw: Socket) {
    this.#raw = raw;
  }

  write(pieces: readonly Buffer[]): boolean {
    this.pieces = pieces;
    return false;
  }

  pause(): void {}

  resume(): void {}

  end(): void {
    this.#raw.destroy();
  }

  abort(): void {
    this.#raw.destroy();
  }

  destroy(): void {
    this.#raw.destroy();
  }
}
