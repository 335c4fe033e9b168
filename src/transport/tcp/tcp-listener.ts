/** Accepts plain TCP connections. */
import { Connection, type ConnectionContext } from "../connection.ts";
import { listenWith, peerOf, type Listener, type SocketAcceptor } from "../listener.ts";
import type { ReadBuffer } from "../read-buffer.ts";
import { adoptSocket, chunkReceiver, SocketWire } from "./socket-wire.ts";

/** @param onConnection attaches a session to the connection; it is greeted and ready right after */
export function acceptTcp(
  buffers: ReadBuffer,
  context: () => ConnectionContext,
  onConnection: (connection: Connection) => void,
): SocketAcceptor {
  return (accepted, sockets) => {
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
  };
}

/** @throws Error that names the address when it cannot be had */
export async function listenTcp(
  host: string,
  port: number,
  ...accepting: Parameters<typeof acceptTcp>
): Promise<Listener> {
  const acceptor = acceptTcp(...accepting);
  return listenWith(host, port, () => acceptor);
}
export type { ListenAddress, Listener } from "../listener.ts";
