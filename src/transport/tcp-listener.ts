/** Accepts plain TCP connections. */
import { Connection, type ConnectionContext } from "./connection.ts";
import { acceptSockets, OpenSockets, peerOf, type Listener } from "./listener.ts";
import type { ReadBuffer } from "./read-buffer.ts";
import { adoptSocket, chunkReceiver, SocketWire } from "./tcp.ts";

/**
 * @param onConnection attaches a session to the connection; it is greeted and ready right after
 * @throws Error that names the address when it cannot be had
 */
export async function listenTcp(
  host: string,
  port: number,
  buffers: ReadBuffer,
  context: () => ConnectionContext,
  onConnection: (connection: Connection) => void,
): Promise<Listener> {
  const sockets = new OpenSockets();
  return acceptSockets(host, port, sockets, (accepted) => {
    const connection: Connection = new Connection(
      (owner) => {
        const socket = adoptSocket(
          accepted,
          buffers,
          chunkReceiver(owner, buffers),
          () => owner.paysLargeReads,
        );
        sockets.add(socket);
        return new SocketWire(socket, owner, false);
      },
      peerOf(accepted),
      null,
      context(),
    );
    onConnection(connection);
    connection.greet();
    connection.ready();
  });
}
export type { ListenAddress, Listener } from "./listener.ts";
