/**
 * Accepts clients on a port where TLS is required or available. A connection and its session exist from the moment
 * that the socket is accepted; what differs is when the session greets, and what carries the bytes afterwards:
 *
 * | mode                | first                      | then                                      |
 * |---------------------|----------------------------|-------------------------------------------|
 * | after the greeting  | greets in clear            | handshake                                 |
 * | handshake first     | handshake                  | greets                                    |
 * | first, or fallback  | waits for bytes: handshake | greets; no bytes: as after the greeting   |
 *
 * With `allowNonTls`, a greeted peer that says something else than a handshake, or nothing in the time for one,
 * goes on in clear.
 */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../../base/clock.ts";
import { errorLine } from "../../protocol/encoder.ts";
import { Connection, type ConnectionContext } from "../connection.ts";
import { awaitFirstByte, handshakeRecord } from "../first-byte.ts";
import { listenWith, OpenSockets, peerOf, type Listener, type SocketAcceptor } from "../listener.ts";
import type { RateLimit } from "../rate-limit.ts";
import type { ReadBuffer } from "../read-buffer.ts";
import { adoptSocket, chunkReceiver, SocketWire } from "../tcp/socket-wire.ts";
import type { HandshakeOutcome, TlsHandshaker } from "./tls-handshaker.ts";
import { encryptedWire, WaitingWire } from "./tls-wire.ts";

export interface TlsMode {
  readonly handshakeFirst: "after-info" | "first" | { readonly fallbackMs: number };
  readonly allowNonTls: boolean;
}

export interface TlsListenOptions {
  readonly handshaker: TlsHandshaker;
  readonly clock: Clock;
  readonly buffers: ReadBuffer;
  /** Asked for each connection, so that a reload takes effect. */
  readonly mode: () => TlsMode;
  readonly rateLimit: RateLimit;
  /** Said, in clear, to a peer that the rate limit turns away. */
  readonly throttledText: string;
  readonly context: () => ConnectionContext;
  /** Attaches a session to the connection. It is greeted, and ready, when its mode says so. */
  readonly onConnection: (connection: Connection) => void;
  /** Told why a handshake failed, before the session is told that its connection is gone. */
  readonly onHandshakeFailure: (connection: Connection, failure: string) => void;
}

export function acceptTls(options: TlsListenOptions): SocketAcceptor {
  return (accepted, sockets) => {
    sockets.add(accepted);
    new Arrival(accepted, sockets, options).begin();
  };
}

/** @throws Error that names the address when it cannot be had */
export async function listenTls(host: string, port: number, options: TlsListenOptions): Promise<Listener> {
  const acceptor = acceptTls(options);
  return listenWith(host, port, () => acceptor);
}

/** One socket on its way to a connection that is ready. */
class Arrival {
  readonly #raw: Socket;
  readonly #sockets: OpenSockets;
  readonly #options: TlsListenOptions;
  readonly #mode: TlsMode;
  readonly #clear: SocketWire;
  readonly #connection: Connection;

  constructor(raw: Socket, sockets: OpenSockets, options: TlsListenOptions) {
    this.#raw = raw;
    this.#sockets = sockets;
    this.#options = options;
    this.#mode = options.mode();
    let clear!: SocketWire;
    this.#connection = new Connection(
      (owner) => (clear = new SocketWire(raw, owner, false)),
      peerOf(raw),
      null,
      options.context(),
    );
    this.#clear = clear;
  }

  begin(): void {
    const connection = this.#connection;
    this.#options.onConnection(connection);
    if (connection.closed) return;
    const { handshakeFirst } = this.#mode;
    if (handshakeFirst === "first") this.#handshake(true);
    else if (handshakeFirst === "after-info") this.#greet();
    else
      this.#awaitByte(handshakeFirst.fallbackMs, (byte) =>
        byte === null ? this.#greet() : this.#handshake(true),
      );
  }

  #greet(): void {
    this.#connection.greet();
    if (this.#connection.closed) return;
    if (!this.#mode.allowNonTls) return this.#handshake(false);
    this.#awaitByte(this.#options.handshaker.timeoutMs, (first) => {
      if (first === handshakeRecord) this.#handshake(false);
      else this.#goOnInClear();
    });
  }

  #awaitByte(waitMs: number, then: (first: number | null) => void): void {
    awaitFirstByte(this.#raw, this.#options.clock, waitMs, (first) => {
      if (!this.#connection.closed) then(first);
    });
  }

  #goOnInClear(): void {
    const { buffers } = this.#options;
    const connection = this.#connection;
    const raw = this.#raw;
    this.#clear.release(() => {
      if (connection.closed) return;
      const bytes = raw.read() as Buffer | null;
      const socket = adoptSocket(
        raw,
        buffers,
        chunkReceiver(connection, buffers),
        () => connection.paysLargeReads,
      );
      this.#sockets.move(raw, socket);
      connection.carryOn(new SocketWire(socket, connection, false), null);
      connection.ready();
      if (bytes !== null) connection.receive(bytes, 0, bytes.length, true);
    });
  }

  #handshake(first: boolean): void {
    const { rateLimit, throttledText, handshaker } = this.#options;
    const connection = this.#connection;
    if (!rateLimit.allow()) {
      connection.outbound.appendText(throttledText);
      return connection.close("Maximum Connections Exceeded", 1008);
    }
    this.#clear.release(() => {
      if (connection.closed) return;
      const waiting = new WaitingWire(this.#raw);
      connection.carryOn(waiting, null);
      handshaker.secure(this.#raw, first, (outcome) => this.#secured(outcome, waiting));
    });
  }

  #secured(outcome: HandshakeOutcome, waiting: WaitingWire): void {
    const connection = this.#connection;
    if (outcome.socket === null) {
      if (!connection.closed) this.#options.onHandshakeFailure(connection, outcome.failure);
      if (outcome.refused === undefined) return connection.lost("TLS Handshake Failure");
      return this.#refuse(outcome.refused, outcome.failure);
    }
    const { socket, state } = outcome;
    this.#sockets.move(this.#raw, socket);
    connection.carryOn(encryptedWire(socket, connection), state);
    if (connection.closed) return void socket.destroy();
    if (waiting.pieces !== null && connection.write(waiting.pieces)) connection.written();
    connection.greet();
    connection.ready();
  }

  /** The peer is told why in words, encrypted, since no alert could be sent. */
  #refuse(socket: TLSSocket, failure: string): void {
    const connection = this.#connection;
    if (connection.closed) return void socket.destroy();
    this.#sockets.move(this.#raw, socket);
    connection.carryOn(encryptedWire(socket, connection), null);
    connection.outbound.appendText(errorLine(`TLS handshake error: ${failure}`));
    connection.close("TLS Handshake Failure", 1008);
  }
}
