/** What all listeners share: opening an address, stopping, and letting go of what came in. */
import net from "node:net";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface Listener {
  readonly address: ListenAddress;
  /** Stops accepting; connections that are open stay. */
  close(): Promise<void>;
  /** Resolves when it is closed and every connection that came through it is gone. */
  readonly drained: Promise<void>;
  /** Lets go of every connection that came through it, at once and without a word. */
  destroy(): void;
}

/** A connection that comes faster than it is accepted waits in the kernel; this many may. */
const backlog = 4096;

export class SocketListener implements Listener {
  readonly address: ListenAddress;
  readonly drained: Promise<void>;
  readonly #server: net.Server;
  readonly #sockets: OpenSockets;

  constructor(server: net.Server, sockets: OpenSockets, address: ListenAddress) {
    this.#server = server;
    this.#sockets = sockets;
    this.address = address;
    this.drained = new Promise((resolve) => server.once("close", resolve));
    // What fails while accepting (a peer that is gone again, no file descriptor left) concerns that one peer.
    server.on("error", () => {});
  }

  async close(): Promise<void> {
    if (this.#server.listening) this.#server.close();
  }

  destroy(): void {
    this.#sockets.destroyAll();
  }
}

/** Sockets that are open, each until it is closed. */
export class OpenSockets {
  readonly #sockets = new Set<net.Socket>();

  get size(): number {
    return this.#sockets.size;
  }

  add(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  /** Another socket carries on where `from` was. */
  move(from: net.Socket, to: net.Socket): void {
    this.#sockets.delete(from);
    this.add(to);
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/**
 * Listens on the address and hands over each accepted socket: paused, without delay, half-open.
 * @param port 0 for any that is free
 * @throws Error that names the address when it cannot be had
 */
export async function acceptSockets(
  host: string,
  port: number,
  sockets: OpenSockets,
  onSocket: (accepted: net.Socket) => void,
): Promise<SocketListener> {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, onSocket);
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const why = error.code === "EADDRINUSE" ? "the address is in use" : error.message;
      reject(new Error(`cannot listen on ${host}:${port}: ${why}`, { cause: error }));
    };
    server.once("error", fail);
    server.listen({ host, port, backlog }, () => {
      server.removeListener("error", fail);
      resolve();
    });
  });
  const { address, port: bound } = server.address() as net.AddressInfo;
  return new SocketListener(server, sockets, { host: address, port: bound });
}

export function peerOf(socket: net.Socket): { address: string; port: number } {
  return { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
}
