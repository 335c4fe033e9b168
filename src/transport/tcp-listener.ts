/** Accepts plain TCP connections. */
import net from "node:net";
import { Connection, type ConnectionContext } from "./connection.ts";
import type { ReadBuffer } from "./read-buffer.ts";
import { adoptSocket, SocketWire } from "./tcp.ts";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface Listener {
  readonly address: ListenAddress;
  /** Stops accepting; connections that are open stay. */
  close(): Promise<void>;
}

/** Opens `server` on the address. @throws Error that names the address when it cannot be had */
export async function listen(server: net.Server, host: string, port: number): Promise<ListenAddress> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      reject(
        new Error(
          `cannot listen on ${host}:${port}: ${error.code === "EADDRINUSE" ? "the address is in use" : error.message}`,
          { cause: error },
        ),
      );
    };
    server.once("error", fail);
    server.listen({ host, port, backlog: 4096 }, () => {
      server.removeListener("error", fail);
      resolve();
    });
  });
  const { address, port: bound } = server.address() as net.AddressInfo;
  return { host: address, port: bound };
}

export async function closeServer(server: { close(callback: () => void): unknown }): Promise<void> {
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

export async function listenTcp(
  host: string,
  port: number,
  buffers: ReadBuffer,
  context: () => ConnectionContext,
  onConnection: (connection: Connection) => void,
): Promise<Listener> {
  const server = net.createServer({ pauseOnConnect: true }, (accepted) => {
    const peer = { address: accepted.remoteAddress ?? "", port: accepted.remotePort ?? 0 };
    const connection: Connection = new Connection(
      (owner) => {
        const socket = adoptSocket(accepted, buffers, (chunk, length) => {
          owner.receive(chunk, 0, length, false);
          if (owner.takeChunkKept()) buffers.part(chunk);
        });
        return new SocketWire(socket, owner);
      },
      peer,
      null,
      context(),
    );
    onConnection(connection);
    connection.startReading();
  });
  const address = await listen(server, host, port);
  server.on("error", () => {});
  return { address, close: async () => void closeServer(server) };
}
