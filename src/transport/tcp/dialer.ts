/**
 * Connections that this broker makes itself: over TCP, over TLS from the beginning or after a greeting in clear, and
 * over WebSocket (`websocket-dialer.ts`). Waits are on the broker's clock, and every failure is told once, in words.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import net, { type Socket } from "node:net";
import tls from "node:tls";
import type { Clock, Deadline } from "../../base/clock.ts";
import { Connection, type ConnectionContext, type TlsState, type Wire } from "../connection.ts";
import { peerOf } from "../listener.ts";
import type { ReadBuffer } from "../read-buffer.ts";
import { adoptSocket, chunkReceiver, SocketWire } from "./socket-wire.ts";
import { tlsFailureText } from "../tls-failure.ts";
import { encryptedWire, WaitingWire } from "../tls/tls-wire.ts";

/** TLS as the one who dials. */
export interface ClientTlsSettings {
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly caFile: string | null;
  /** Takes whatever certificate is shown. */
  readonly insecure: boolean;
  readonly timeoutMs: number;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly ciphers: string | null;
  readonly curves: string | null;
  /** Lower-case hex SHA-256 of the certificate's public key; empty: any. */
  readonly pinnedCerts: readonly string[];
}

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly dialMsMax: number;
  readonly tls: ClientTlsSettings;
  /** What the certificate must be for. */
  readonly serverName: string;
  readonly isHandshakeFirst: boolean;
  readonly clock: Clock;
  readonly buffers: ReadBuffer;
  readonly context: ConnectionContext;
}

export interface DialHandler {
  /** The other end is there. Attaches a session, which is ready right after. */
  onConnection(dialed: Dialed): void;
  /** There is no connection, and will be none. */
  onFailure(reason: string): void;
}

/** A connection of ours, which may become another wire once its first words are known. */
export interface Dialed {
  readonly connection: Connection;
  /** Goes on encrypted. @param done told null, or why not; the connection is lost then */
  secure(done: (failure: string | null) => void): void;
  /** Goes on as it is, and reads like any accepted connection. */
  goOn(): void;
}

/** @returns how to give up */
export function dialTcp(options: DialOptions, handler: DialHandler): () => void {
  const attempt = new Attempt(options, handler);
  attempt.begin();
  return () => attempt.giveUp();
}

export const defaultClientTls: ClientTlsSettings = {
  certFile: null,
  keyFile: null,
  caFile: null,
  insecure: false,
  timeoutMs: 2_000,
  minVersion: "TLSv1.2",
  ciphers: null,
  curves: null,
  pinnedCerts: [],
};

/** @throws Error when a file cannot be read or does not hold what it should */
export function clientTlsOptions(settings: ClientTlsSettings, serverName: string): tls.ConnectionOptions {
  return {
    ...(settings.certFile !== null && { cert: readFileSync(settings.certFile) }),
    ...(settings.keyFile !== null && { key: readFileSync(settings.keyFile) }),
    ...(settings.caFile !== null && { ca: readFileSync(settings.caFile) }),
    ...(settings.ciphers !== null && { ciphers: settings.ciphers }),
    ...(settings.curves !== null && { ecdhCurve: settings.curves }),
    minVersion: settings.minVersion,
    rejectUnauthorized: !settings.insecure,
    // An address is no name that a server could be asked for.
    ...(net.isIP(serverName) === 0 && { servername: serverName }),
    checkServerIdentity: (_host, certificate) => tls.checkServerIdentity(serverName, certificate),
  };
}

/** Null when the certificate that was shown is one of those pinned, or any will do. */
export function pinProblem(socket: tls.TLSSocket, pinned: readonly string[]): string | null {
  if (pinned.length === 0) return null;
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: "spki", format: "der" });
  const digest = key === undefined ? "" : createHash("sha256").update(key).digest("hex");
  return pinned.includes(digest) ? null : "the certificate is not pinned";
}

export function tlsStateOf(socket: tls.TLSSocket, handshakeFirst: boolean): TlsState {
  const { standardName, name } = socket.getCipher();
  return {
    version: socket.getProtocol()?.replace("TLSv", "") ?? "",
    cipher: standardName ?? name,
    peerCertificate: socket.getPeerX509Certificate()?.raw ?? null,
    handshakeFirst,
  };
}

class Attempt implements Dialed {
  readonly #options: DialOptions;
  readonly #handler: DialHandler;
  #raw: Socket | null = null;
  #deadline: Deadline | null = null;
  #settled = false;
  #clear: SocketWire | null = null;
  #connection: Connection | null = null;

  constructor(options: DialOptions, handler: DialHandler) {
    this.#options = options;
    this.#handler = handler;
  }

  begin(): void {
    const { host, port, dialMsMax, clock, isHandshakeFirst } = this.#options;
    const raw = net.connect({ host, port, noDelay: true, allowHalfOpen: true });
    this.#raw = raw;
    this.#deadline = clock.after(dialMsMax, () => this.#fail(`no answer within ${dialMsMax / 1000} s`));
    raw.once("error", (error: NodeJS.ErrnoException) => this.#fail(reasonOf(error)));
    raw.once("connect", () => {
      if (this.#settled) return void raw.destroy();
      this.#deadline?.cancel();
      raw.removeAllListeners("error");
      raw.pause();
      if (isHandshakeFirst) this.#handshakeFirst(raw);
      else this.#connectClear(raw);
    });
  }

  giveUp(): void {
    this.#settled = true;
    this.#deadline?.cancel();
    this.#raw?.on("error", () => {});
    if (this.#connection === null) this.#raw?.destroy();
  }

  // Dialed

  get connection(): Connection {
    return this.#connection as Connection;
  }

  goOn(): void {
    const { buffers } = this.#options;
    const { connection } = this;
    const raw = this.#raw as Socket;
    // The session may be in the middle of what it has just read.
    this.#release(() => {
      const bytes = raw.read() as Buffer | null;
      const socket = adoptSocket(
        raw,
        buffers,
        chunkReceiver(connection, buffers),
        () => connection.paysLargeReads,
      );
      connection.carryOn(new SocketWire(socket, connection, false), null);
      if (connection.closed) return void socket.destroy();
      if (bytes !== null) connection.receive(bytes, 0, bytes.length, true);
      connection.resumeReading();
    });
  }

  secure(done: (failure: string | null) => void): void {
    const { connection } = this;
    this.#release(() => {
      const waiting = new WaitingWire(this.#raw as Socket);
      connection.carryOn(waiting, null);
      this.#encrypt(this.#raw as Socket, false, (socket, failure) => {
        if (socket === null) {
          done(failure);
          return connection.lost("TLS Handshake Failure");
        }
        this.#carryOnEncrypted(socket, connection, false);
        if (connection.closed) return void socket.destroy();
        if (waiting.pieces !== null && connection.write(waiting.pieces)) connection.written();
        done(null);
        connection.resumeReading();
      });
    });
  }

  #release(then: () => void): void {
    const { connection } = this;
    connection.pauseReading();
    queueMicrotask(() => {
      if (connection.closed || this.#clear === null) return;
      (this.#raw as Socket).removeAllListeners("data");
      this.#clear.release(() => {
        if (!connection.closed) then();
      });
      this.#clear = null;
    });
  }

  #connectClear(raw: Socket): void {
    this.#connect((owner) => {
      raw.on("data", (chunk: Buffer) => {
        owner.receive(chunk, 0, chunk.length, false);
        owner.takeChunkKept();
      });
      raw.pause();
      return (this.#clear = new SocketWire(raw, owner, false));
    }, null);
  }

  #handshakeFirst(raw: Socket): void {
    this.#encrypt(raw, true, (socket, failure) => {
      if (socket === null) return this.#fail(`TLS handshake: ${failure ?? ""}`);
      this.#raw = socket;
      this.#connect((owner) => encryptedWire(socket, owner), tlsStateOf(socket, true));
    });
  }

  #carryOnEncrypted(socket: tls.TLSSocket, connection: Connection, first: boolean): void {
    connection.carryOn(encryptedWire(socket, connection), tlsStateOf(socket, first));
  }

  #connect(makeWire: (owner: Connection) => Wire, state: TlsState | null): void {
    if (this.#settled) return void this.#raw?.destroy();
    this.#settled = true;
    const { host, port, context } = this.#options;
    const peer = peerOf(this.#raw as Socket);
    const named = peer.address === "" ? { address: host, port } : peer;
    const connection = new Connection(makeWire, named, state, context);
    this.#connection = connection;
    this.#handler.onConnection(this);
    connection.greet();
    connection.ready();
  }

  #encrypt(
    raw: Socket,
    first: boolean,
    done: (socket: tls.TLSSocket | null, failure: string | null) => void,
  ): void {
    const { clock, serverName, tls: settings } = this.#options;
    let socket: tls.TLSSocket;
    try {
      socket = tls.connect({ ...clientTlsOptions(settings, serverName), socket: raw });
    } catch (error) {
      raw.destroy();
      return done(null, (error as Error).message);
    }
    let isOver = false;
    const end = (failure: string | null): void => {
      if (isOver) return;
      isOver = true;
      deadline.cancel();
      if (failure === null) return done(socket, null);
      socket.destroy();
      raw.destroy();
      done(null, failure);
    };
    const deadline = clock.after(settings.timeoutMs, () => end("timed out"));
    socket.on("error", (error: NodeJS.ErrnoException) => end(reasonOf(error)));
    socket.once("close", () => end("the other end is gone"));
    socket.once("secureConnect", () => {
      socket.pause();
      socket.allowHalfOpen = true;
      end(pinProblem(socket, settings.pinnedCerts));
    });
    if (first) raw.resume();
  }

  #fail(reason: string): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#deadline?.cancel();
    this.#raw?.on("error", () => {});
    this.#raw?.destroy();
    this.#handler.onFailure(reason);
  }
}

/** What went wrong, in words that name the cause; of several addresses, at the last one. */
export function reasonOf(error: NodeJS.ErrnoException | AggregateError): string {
  if (error instanceof AggregateError) {
    const last = error.errors.at(-1) as NodeJS.ErrnoException | undefined;
    if (last !== undefined) return reasonOf(last);
  }
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED") return "connection refused";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "the host name is not known";
  if (code === "ECONNRESET") return "connection reset";
  return tlsFailureText(error);
}
