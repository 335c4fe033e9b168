/**
 * The handshakes of one TLS listener: each accepted socket goes in, and comes out encrypted or not at all. Whatever
 * comes instead of a handshake (nothing, plain text, half a hello) ends it in bounded time and disturbs nobody.
 */
import type { Socket } from "node:net";
import tls from "node:tls";
import type { Clock, Deadline } from "../../base/clock.ts";
import type { TlsState } from "../connection.ts";
import { alertInvalidCertificates } from "../tls-alert.ts";
import { ServerCertificates, type TlsSettings } from "./server-certificates.ts";
import { tlsFailureText } from "../tls-failure.ts";

/** A client certificate's DER, verified already, or null when the client has shown none; false refuses the client. */
export type AcceptPeer = (certificate: Buffer | null) => boolean;

export type HandshakeOutcome =
  | { readonly socket: tls.TLSSocket; readonly state: TlsState; readonly failure: null }
  | {
      readonly socket: null;
      readonly failure: string;
      /** Of a peer that is refused by its certificate, and may be told so; whoever is given it ends it. */
      readonly refused?: tls.TLSSocket;
    };

interface Pending {
  readonly raw: Socket;
  readonly deadline: Deadline;
  readonly first: boolean;
  readonly done: (outcome: HandshakeOutcome) => void;
  failure: string;
  isAlerted: boolean;
}

export class TlsHandshaker {
  readonly #clock: Clock;
  readonly #acceptPeer: AcceptPeer | null;
  #settings: TlsSettings;
  /** Never listens: it is given the sockets, which Node documents for its `connection` event. */
  #server: tls.Server;
  /** By the peer's address, which Node's encrypted socket shares with the one underneath. */
  readonly #pending = new Map<string, Pending>();
  /** Key of the socket that was closed last, for as long as Node may tell why. */
  #lastClosed: string | null = null;

  /**
   * @param acceptPeer asked at the end of each handshake; null accepts what the authorities have signed
   * @throws Error naming the file and what is wrong with it
   */
  constructor(settings: TlsSettings, clock: Clock, acceptPeer: AcceptPeer | null) {
    this.#clock = clock;
    this.#acceptPeer = acceptPeer;
    this.#settings = settings;
    this.#server = this.#makeServer(settings);
  }

  get timeoutMs(): number {
    return this.#settings.timeoutMs;
  }

  /**
   * Reads the certificates of other terms.
   * @returns puts the terms in force, for handshakes that begin from then on
   * @throws Error as the constructor
   */
  prepare(settings: TlsSettings): () => void {
    const server = this.#makeServer(settings);
    return () => {
      this.#server = server;
      this.#settings = settings;
    };
  }

  /**
   * Answers the handshake on `raw`, which the caller lets go of; bytes already read are put back (`unshift`) before.
   * @param first whether the peer began without being greeted
   * @param done called once; the socket is destroyed when the handshake fails
   */
  secure(raw: Socket, first: boolean, done: (outcome: HandshakeOutcome) => void): void {
    const key = keyOf(raw);
    if (key === null || this.#pending.has(key)) {
      raw.destroy();
      return done({ socket: null, failure: "the peer is gone" });
    }
    const deadline = this.#clock.after(this.timeoutMs, () => this.#fail(key, pending, "timed out"));
    const pending: Pending = { raw, deadline, first, done, failure: "the peer is gone", isAlerted: false };
    this.#pending.set(key, pending);
    raw.once("close", () => this.#onClosed(key, pending));
    // An end in the middle of a handshake is the end of it; half-open makes sense only afterwards.
    raw.allowHalfOpen = false;
    this.#server.emit("connection", raw);
  }

  #makeServer(settings: TlsSettings): tls.Server {
    const certificates = new ServerCertificates(settings);
    const server = tls.createServer({
      ...certificates.options,
      requestCert: settings.verify !== false,
      rejectUnauthorized: settings.verify === true,
      ...(certificates.count > 1 && {
        SNICallback: (name: string, callback: (error: null, context: tls.SecureContext) => void) =>
          callback(null, certificates.forName(name)),
      }),
    });
    if (settings.verify !== false)
      alertInvalidCertificates(
        server,
        (socket) => this.#pendingOf(socket)?.raw ?? null,
        (socket) => {
          const pending = this.#pendingOf(socket);
          if (pending !== undefined) pending.isAlerted = true;
        },
      );
    server.on("secureConnection", (socket) => this.#secured(socket));
    server.on("tlsClientError", (error, socket) => this.#refused(error, socket));
    return server;
  }

  #secured(socket: tls.TLSSocket): void {
    const key = keyOf(socket);
    const pending = key === null ? undefined : this.#take(key);
    if (pending === undefined) return void socket.destroy();
    socket.allowHalfOpen = true;
    const peerCertificate = socket.getPeerX509Certificate()?.raw ?? null;
    if (peerCertificate !== null && !socket.authorized) {
      const invalid = new Error("the certificate is not valid");
      return this.#reject(socket, pending, tlsFailureText(invalid, socket.authorizationError));
    }
    if (this.#acceptPeer !== null && !this.#acceptPeer(peerCertificate)) {
      const shown = peerCertificate === null ? "there is no certificate that is" : "the certificate is not";
      return this.#reject(socket, pending, `${shown} pinned`);
    }
    const { standardName, name } = socket.getCipher();
    const state: TlsState = {
      version: socket.getProtocol()?.replace("TLSv", "") ?? "",
      cipher: standardName ?? name,
      peerCertificate,
      handshakeFirst: pending.first,
    };
    pending.done({ socket, state, failure: null });
  }

  #reject(socket: tls.TLSSocket, pending: Pending, failure: string): void {
    socket.on("error", () => {});
    if (!pending.isAlerted) return pending.done({ socket: null, failure, refused: socket });
    socket.destroy();
    pending.done({ socket: null, failure });
  }

  #pendingOf(socket: tls.TLSSocket): Pending | undefined {
    return this.#pending.get(keyOf(socket) ?? "");
  }

  /** A socket whose peer has shown a certificate that is not taken is closed by Node first, and then told of. */
  #onClosed(key: string, pending: Pending): void {
    this.#lastClosed = key;
    this.#clock.soon(() => {
      if (this.#lastClosed === key) this.#lastClosed = null;
      this.#fail(key, pending, pending.failure);
    });
  }

  #refused(error: Error, socket: tls.TLSSocket): void {
    // One that is closed has no address any more.
    const key = keyOf(socket) ?? this.#lastClosed;
    const pending = key === null ? undefined : this.#pending.get(key);
    if (key !== null && pending !== undefined)
      this.#fail(key, pending, tlsFailureText(error, socket.authorizationError));
    socket.destroy();
  }

  #fail(key: string, pending: Pending, failure: string): void {
    if (this.#pending.get(key) !== pending) return;
    this.#take(key);
    pending.raw.destroy();
    pending.done({ socket: null, failure });
  }

  #take(key: string): Pending | undefined {
    const pending = this.#pending.get(key);
    this.#pending.delete(key);
    pending?.deadline.cancel();
    return pending;
  }
}

/** Null when the peer is gone. */
function keyOf(socket: Socket): string | null {
  return socket.remotePort === undefined ? null : `${socket.remoteAddress} ${socket.remotePort}`;
}
