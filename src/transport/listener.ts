/** What all listeners share: opening an address, stopping, and letting go of what came in. */
import net from "node:net";
import { codeOf, reasonOf } from "../base/system-error.ts";

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

/** Takes a socket from its acceptance on: paused, without delay, half-open. It is in `sockets` while it is open. */
export type SocketAcceptor = (accepted: net.Socket, sockets: OpenSockets) => void;

/**
 * Listens on an address for connections that a reload may serve otherwise.
 * @param acceptor asked for each socket
 * @throws Error that names the address when it cannot be had
 */
export async function listenWith(
  host: string,
  port: number,
  acceptor: () => SocketAcceptor,
): Promise<Listener> {
  const sockets = new OpenSockets();
  return acceptSockets(host, port, sockets, (accepted) => acceptor()(accepted, sockets));
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
 * Listens on the address and hands over each accepted socket: paused, without delay, half-open. On 0.0.0.0 it is heard
 * on every address of the machine, those of IPv6 included, as with nats-server: `localhost` may mean either.
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
  const isAny = host === "0.0.0.0";
  try {
    await listen(server, isAny ? "::" : host, port).catch((error: NodeJS.ErrnoException) => {
      if (!isAny || !withoutIpv6.has(error.code ?? "")) throw error;
      return listen(server, host, port);
    });
  } catch (error) {
    throw new Error(`cannot listen on ${host}:${port}: ${reasonOf(error)}${adviceOn(error, port)}`, {
      cause: error,
    });
  }
  const { address, port: bound } = server.address() as net.AddressInfo;
  return new SocketListener(server, sockets, { host: isAny ? host : address, port: bound });
}

const privilegedPorts = 1024;

/** What to do about it; empty where that goes without saying. */
function adviceOn(error: unknown, port: number): string {
  if (codeOf(error) === "EADDRINUSE") return "; stop what listens there, or choose another port";
  if (codeOf(error) === "EACCES" && port < privilegedPorts)
    return `; ports below ${privilegedPorts} take privileges: choose a higher one`;
  return "";
}

/** How a machine that has no IPv6, or has it switched off, refuses `::`. */
const withoutIpv6: ReadonlySet<string> = new Set(["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL"]);

function listen(server: net.Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog }, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

/** Who is at the other end; IPv4 as such where it came in through a socket for both. */
export function peerOf(socket: net.Socket): { address: string; port: number } {
  const address = (socket.remoteAddress ?? "").replace(/^::ffff:(?=\d+\.)/i, "");
  return { address, port: socket.remotePort ?? 0 };
}
