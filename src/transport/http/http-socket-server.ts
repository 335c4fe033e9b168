/**
 * HTTP on a socket of ours: accepts, does the TLS handshake where there is one, and gives the socket to Node's HTTP
 * server, which itself never listens. That way every wait is on the broker's clock, and every socket is known.
 */
import http from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock, Deadline } from "../../base/clock.ts";
import type { TlsState } from "../connection.ts";
import { awaitFirstByte, handshakeRecord } from "../first-byte.ts";
import { acceptSockets, OpenSockets, peerOf, type SocketListener } from "../listener.ts";
import type { TlsHandshaker } from "../tls/tls-handshaker.ts";

const headerBytesMax = 16 * 1024;
const headersMax = 100;

export interface HttpSocketServerOptions {
  readonly clock: Clock;
  /** Null: in clear. */
  readonly handshaker: TlsHandshaker | null;
  /** From the socket's acceptance, or the end of the answer before, to the end of a request's headers. */
  readonly requestMsMax: () => number;
  /** Sockets open at once; more are closed when they come. */
  readonly socketsMax: number;
  /** Told, in words, why a socket has not come to be encrypted. */
  readonly onHandshakeFailure?: (
    peer: { readonly address: string; readonly port: number },
    failure: string,
  ) => void;
}

export class HttpSocketServer {
  readonly server: http.Server;
  readonly #options: HttpSocketServerOptions;
  readonly #sockets = new OpenSockets();
  readonly #deadlines = new Map<Duplex, Deadline>();
  readonly #tls = new WeakMap<Socket, TlsState>();

  constructor(options: HttpSocketServerOptions) {
    this.#options = options;
    // Node's own limits in time would go by the wall clock.
    this.server = http.createServer({
      maxHeaderSize: headerBytesMax,
      requestTimeout: 0,
      headersTimeout: 0,
      keepAliveTimeout: 0,
    });
    this.server.maxHeadersCount = headersMax;
    this.server.on("clientError", (_error, socket) => {
      if (socket.writable)
        socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      else socket.destroy();
    });
  }

  /** @throws Error that names the address when it cannot be had */
  async open(host: string, port: number): Promise<SocketListener> {
    return acceptSockets(host, port, this.#sockets, (accepted) => this.#enter(accepted));
  }

  /** Null for a request in clear. */
  tlsOf(socket: Socket): TlsState | null {
    return this.#tls.get(socket) ?? null;
  }

  /** The request is there: no time runs until {@link expect}. */
  arrived(socket: Duplex): void {
    this.#deadlines.get(socket)?.cancel();
    this.#deadlines.delete(socket);
  }

  /** A request must come in time, or the socket is closed. */
  expect(socket: Duplex): void {
    this.arrived(socket);
    if (socket.destroyed) return;
    this.#deadlines.set(
      socket,
      this.#options.clock.after(this.#options.requestMsMax(), () => socket.destroy()),
    );
  }

  /** Another socket carries on where `from` was. */
  move(from: Socket, to: Socket): void {
    this.#sockets.move(from, to);
  }

  #enter(raw: Socket): void {
    // Until somebody who knows what it means takes over.
    raw.on("error", () => {});
    if (this.#sockets.size >= this.#options.socketsMax) return void raw.destroy();
    this.#sockets.add(raw);
    const { handshaker } = this.#options;
    if (handshaker === null) return this.#serve(raw);
    awaitFirstByte(raw, this.#options.clock, handshaker.timeoutMs, (first) => {
      if (first === handshakeRecord) this.#secure(raw, handshaker);
      else if (first === null) raw.destroy();
      else refuseClear(raw);
    });
  }

  #secure(raw: Socket, handshaker: TlsHandshaker): void {
    const peer = peerOf(raw);
    handshaker.secure(raw, true, (outcome) => {
      if (outcome.socket === null) {
        this.#options.onHandshakeFailure?.(peer, outcome.failure);
        const { refused } = outcome;
        if (refused === undefined) return;
        this.#sockets.move(raw, refused);
        this.expect(refused);
        return refuse(refused, `TLS handshake error: ${outcome.failure}\n`);
      }
      this.#sockets.move(raw, outcome.socket);
      outcome.socket.on("error", () => {});
      this.#tls.set(outcome.socket, outcome.state);
      this.#serve(outcome.socket);
    });
  }

  #serve(socket: Socket): void {
    socket.once("close", () => this.arrived(socket));
    this.expect(socket);
    this.server.emit("connection", socket);
    socket.resume();
  }
}

const clearRefusal = "This port takes HTTPS, and the request came over HTTP: use https:// or wss://\n";

/** Whoever asks in clear on a port for TLS is told so, in clear. */
function refuseClear(raw: Socket): void {
  raw.read();
  refuse(raw, clearRefusal);
}

/** Whatever is asked for. */
function refuse(socket: Socket, text: string): void {
  socket.end(
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n" +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    () => socket.destroy(),
  );
}
