import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import type { Authenticator, Credentials, Identity } from "../../src/auth/identity.ts";
import { Clock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { Broker } from "../../src/broker/broker.ts";
import { Message } from "../../src/protocol/message.ts";
import { Client } from "../../src/client/client.ts";
import type { ClientContext, ServerInfo } from "../../src/client/context.ts";
import { PublishVerdicts } from "../../src/client/publish-verdicts.ts";
import { BufferPool } from "../../src/transport/buffer-pool.ts";
import type { Connection, ConnectionContext, ConnectionLimits } from "../../src/transport/connection.ts";
import { FlushPass } from "../../src/transport/flush-pass.ts";
import type { Listener } from "../../src/transport/listener.ts";
import { RateLimit } from "../../src/transport/rate-limit.ts";
import { ReadBuffer } from "../../src/transport/read-buffer.ts";
import { listenTcp } from "../../src/transport/tcp/tcp-listener.ts";
import { TlsHandshaker, type AcceptPeer } from "../../src/transport/tls/tls-handshaker.ts";
import { listenTls, type TlsMode } from "../../src/transport/tls/tls-listener.ts";
import type { TlsSettings } from "../../src/transport/tls/server-certificates.ts";
import { listenWebSocket, type WebSocketSettings } from "../../src/transport/websocket/websocket-listener.ts";

export const megabyte = 1024 * 1024;

export function certificateFile(name: string): string {
  return fileURLToPath(new URL(`../fixture/certs/${name}`, import.meta.url));
}

export const serverTls: TlsSettings = {
  certFile: certificateFile("server.pem"),
  keyFile: certificateFile("server-key.pem"),
  caFile: null,
  certificates: [],
  verify: false,
  timeoutMs: 2_000,
  minVersion: "TLSv1.2",
  ciphers: null,
  curves: null,
};

export const plainWebSocket: WebSocketSettings = {
  compression: false,
  sameOrigin: false,
  allowedOrigins: [],
  trustedProxies: [],
  handshakeTimeoutMs: null,
  headers: {},
  maxPayloadBytes: megabyte,
  jwtCookie: null,
  userCookie: null,
  passCookie: null,
  tokenCookie: null,
};

const limitsByDefault: ConnectionLimits = {
  pendingBytesMax: 64 * megabyte,
  highWaterMarkBytes: 48 * megabyte,
  writeDeadlineMs: 10_000,
};

/** A broker with whatever listeners a test opens, without configuration and without a process. */
export class Harness {
  readonly clock = new Clock();
  readonly broker = new Broker(this.clock, 1_000, () => 7);
  readonly pass = new FlushPass(this.clock, new BufferPool());
  readonly buffers = new ReadBuffer(this.pass);
  readonly faults: unknown[] = [];
  /** Of every client there was, in order. */
  readonly clients: Client[] = [];
  readonly closed: { readonly id: number; readonly reason: string }[] = [];
  readonly offered: Partial<Credentials>[] = [];
  readonly notes: string[] = [];
  limits: ConnectionLimits = limitsByDefault;
  authenticator: Authenticator = openHouse;
  readonly #listeners: Listener[] = [];
  readonly #frames = { message: new Message(), publishVerdicts: new PublishVerdicts(1) };

  constructor() {
    const unlimited = { maxConnections: -1, maxSubscriptions: -1, maxPayloadBytes: -1 };
    this.broker.openAccount("$G", unlimited);
    this.broker.observe({
      onClose: (ended) => void this.closed.push({ id: ended.session.id, reason: ended.reason }),
    });
    this.clock.onFault = (error) => void this.faults.push(error);
  }

  readonly connectionContext = (): ConnectionContext => ({
    pass: this.pass,
    clock: this.clock,
    limits: this.limits,
    onFault: (error: unknown) => void this.faults.push(error),
  });

  clientContext(type: ClientContext["connectionType"], info: Partial<ServerInfo> = {}): ClientContext {
    return {
      broker: this.broker,
      pass: this.pass,
      log: silentLog,
      connectionType: type,
      systemAccount: null,
      settings: {
        maxControlLineBytes: 4096,
        maxPayloadBytes: megabyte,
        maxSubscriptions: 0,
        maxSubscriptionTokens: 0,
        pingIntervalMs: 120_000,
        pingMax: 2,
        authTimeoutMs: 2_000,
        headers: true,
        trace: null,
      },
      authenticator: this.authenticator,
      info: { ...infoByDefault, ...info },
      ...this.#frames,
      random: () => 0.5,
      onNoResponders: () => {},
      nonce: () => "a nonce",
    };
  }

  accept(connection: Connection, context: ClientContext, offered: Partial<Credentials> = {}): void {
    const client = new Client(connection, context, offered);
    client.open();
    this.clients.push(client);
    this.offered.push(offered);
  }

  async listenTcp(): Promise<number> {
    const context = this.clientContext("STANDARD");
    return this.#keep(
      await listenTcp("127.0.0.1", 0, this.buffers, this.connectionContext, (connection) =>
        this.accept(connection, context),
      ),
    );
  }

  async listenTls(
    terms: TlsSettings,
    mode: TlsMode,
    more: {
      readonly perSecondMax?: number;
      readonly acceptPeer?: AcceptPeer;
      readonly gate?: TlsHandshaker;
    } = {},
  ): Promise<number> {
    const context = this.clientContext(
      "STANDARD",
      mode.allowNonTls ? { tls_available: true } : { tls_required: true },
    );
    return this.#keep(
      await listenTls("127.0.0.1", 0, {
        handshaker: more.gate ?? new TlsHandshaker(terms, this.clock, more.acceptPeer ?? null),
        clock: this.clock,
        buffers: this.buffers,
        mode: () => mode,
        rateLimit: new RateLimit(this.clock, more.perSecondMax ?? 0),
        throttledText: "-ERR 'Connection throttling is active. Please try again later.'\r\n",
        context: this.connectionContext,
        onConnection: (connection) => this.accept(connection, context),
        onHandshakeFailure: (_connection, failure) => void this.notes.push(failure),
      }),
    );
  }

  async listenWebSocket(
    terms: Partial<WebSocketSettings> | (() => Partial<WebSocketSettings>) = {},
    gate: TlsHandshaker | null = null,
  ): Promise<number> {
    const context = this.clientContext("WEBSOCKET");
    const now = typeof terms === "function" ? terms : () => terms;
    return this.#keep(
      await listenWebSocket("127.0.0.1", 0, {
        settings: () => ({ ...plainWebSocket, ...now() }),
        handshaker: gate,
        clock: this.clock,
        buffers: this.buffers,
        context: this.connectionContext,
        onLeafNode: null,
        onConnection: (connection, offered) => this.accept(connection, context, offered),
        onRefusal: (_peer, reason) => void this.notes.push(reason),
      }),
    );
  }

  keep(listener: Listener): number {
    return this.#keep(listener);
  }

  async close(): Promise<void> {
    for (const listener of this.#listeners) {
      await listener.close();
      listener.destroy();
    }
    await Promise.all(this.#listeners.map((listener) => listener.drained));
    this.clock.close();
  }

  #keep(listener: Listener): number {
    this.#listeners.push(listener);
    return listener.address.port;
  }
}

const anybody: Identity = { account: "$G", user: null, permissions: null };

const openHouse: Authenticator = {
  required: false,
  requiredInInfo: false,
  needsNonce: false,
  prepare: async () => {},
  authenticate: () => anybody,
  anonymous: () => anybody,
};

/** Lets in who says this password. */
export function askFor(password: string): Authenticator {
  return {
    ...openHouse,
    required: true,
    requiredInInfo: true,
    needsNonce: true,
    authenticate: ({ credentials }) => (credentials.password === password ? anybody : null),
    anonymous: () => null,
  };
}

const infoByDefault: ServerInfo = {
  server_id: "ID",
  server_name: "NAME",
  version: "2.14.0",
  proto: 1,
  go: "node",
  host: "127.0.0.1",
  port: 4222,
  headers: true,
  max_payload: megabyte,
  frond: "0.1.0",
};

/** The next line that is no PING, which a busy machine may bring in between. */
export async function messageLine(client: { line(): Promise<string> }): Promise<string> {
  const line = await client.line();
  return line === "PING" ? messageLine(client) : line;
}

/** Counts the parts that a connection's session is given from now on. */
export function countParts(connection: Connection): () => number {
  const original = connection.receive.bind(connection);
  let count = 0;
  connection.receive = (...part) => {
    count++;
    original(...part);
  };
  return () => count;
}

/**
 * Writes on and on, also when the other end has said its last (so `allowHalfOpen`).
 * @returns how it was stopped; null when `bytesMax` have been taken
 */
export async function floodUntilStopped(socket: Socket, bytesMax: number): Promise<string | null> {
  const chunk = Buffer.alloc(megabyte, "x");
  return new Promise((resolve) => {
    const stopped = ({ code }: NodeJS.ErrnoException): void => resolve(code ?? "");
    socket.once("error", stopped);
    const writeOn = (error?: Error | null): void => {
      if (error) stopped(error);
      else if (socket.bytesWritten > bytesMax) resolve(null);
      else if (!socket.destroyed) socket.write(chunk, writeOn);
    };
    writeOn();
  });
}
