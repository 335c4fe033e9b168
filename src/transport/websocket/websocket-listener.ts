/** Accepts clients over WebSocket: an HTTP request that asks to become one, in clear or over TLS. */
import { STATUS_CODES, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { AddressRanges } from "../../base/address-ranges.ts";
import type { Clock } from "../../base/clock.ts";
import { Connection, type ConnectionContext, type TlsState } from "../connection.ts";
import { HttpSocketServer } from "../http/http-socket-server.ts";
import { peerOf, type Listener } from "../listener.ts";
import type { ReadBuffer } from "../read-buffer.ts";
import { adoptSocket } from "../tcp/socket-wire.ts";
import type { TlsHandshaker } from "../tls/tls-handshaker.ts";
import {
  credentialsFromCookies,
  clientAddress,
  isLeafNodeRequest,
  refusalOf,
  type CookieNames,
  type OfferedCredentials,
  type OriginRules,
  type Refusal,
} from "./websocket-upgrade.ts";
import { ControlLane, WebSocketWire } from "./websocket-wire.ts";

/** What a reload may change. Asked for with each request. */
export interface WebSocketSettings extends OriginRules, CookieNames {
  readonly compression: boolean;
  /** Null: {@link handshakeMsDefault}. */
  readonly handshakeTimeoutMs: number | null;
  /** Extra headers of the response. */
  readonly headers: Readonly<Record<string, string>>;
  /** Addresses and CIDR ranges of proxies whose word on the client's address is taken. */
  readonly trustedProxies: readonly string[];
  /** Of one message; bounds what a compressed WebSocket message may swell to. */
  readonly maxPayloadBytes: number;
}

export interface WebSocketListenOptions {
  readonly settings: () => WebSocketSettings;
  /** Null: in clear. */
  readonly handshaker: TlsHandshaker | null;
  readonly clock: Clock;
  readonly buffers: ReadBuffer;
  readonly context: () => ConnectionContext;
  /** Attaches a session to the connection; it is greeted and ready right after. */
  readonly onConnection: (connection: Connection, offered: OfferedCredentials) => void;
  /** The same for leaf nodes, who ask for another path; null: there are none. */
  readonly onLeafNode: ((connection: Connection) => void) | null;
  /** Told of each request that was refused, and why. */
  readonly onRefusal: (peer: string, reason: string) => void;
}

/** The reference server waits for ever; nobody needs that long. */
const handshakeMsDefault = 10_000;
/**
 * What was compressed is read when all of it is there, and peers gather several operations in a message: so many times
 * a payload, within a bound. Source: nats-server `wsMaxMessageSize`.
 */
const payloadsGathered = 8;
const messageBytesMax = 64 * 1024 * 1024;
/** At least so much comes with the largest payload. */
const gatheredBytesMin = 64 * 1024;
/** Smaller messages are not compressed. */
const compressedBytesMin = 64;
/** Of what `ws` holds of one compressed message. */
const fragmentsMax = 1_024;
const chunksMax = 16 * 1024;
/** Of what comes behind a request that was refused. */
const droppedBytesMax = 64 * 1024;
/** Pings that may wait for their answer to be taken. */
const pongsMax = 1_024;
/** How long `ws` waits for the peer to answer a close. The connection's own limit is shorter, and on its clock. */
const closeMsMax = 5_000;

/** @throws Error that names the address when it cannot be had */
export async function listenWebSocket(
  host: string,
  port: number,
  options: WebSocketListenOptions,
): Promise<Listener> {
  const { clock, handshaker, settings } = options;
  const listener = new HttpSocketServer({
    clock,
    handshaker,
    requestMsMax: () => settings().handshakeTimeoutMs ?? handshakeMsDefault,
    socketsMax: Infinity,
    onHandshakeFailure: ({ address, port: peerPort }, failure) =>
      options.onRefusal(`${address}:${peerPort}`, `TLS handshake error: ${failure}`),
  });
  const upgrader = new Upgrader(listener, options);
  listener.server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) =>
    upgrader.upgrade(request, socket, head),
  );
  listener.server.on("request", (request, response) => {
    listener.arrived(request.socket);
    const refusal = upgrader.refuse(request) ?? { status: 400, reason: "not a websocket handshake" };
    response.writeHead(refusal.status, refusalHeaders);
    response.end(refusalBody(refusal));
  });
  return listener.open(host, port);
}

const refusalHeaders = {
  "Sec-WebSocket-Version": "13",
  "Content-Type": "text/plain; charset=utf-8",
  Connection: "close",
};

function refusalBody(refusal: Refusal): string {
  return `${STATUS_CODES[refusal.status]}: ${refusal.reason}\n`;
}

/** Where what the carrier reads goes: nowhere, until there is a connection. */
interface Receiver {
  take: (chunk: Buffer, length: number) => void;
  paysLargeReads: () => boolean;
}

class Upgrader {
  readonly #listener: HttpSocketServer;
  readonly #options: WebSocketListenOptions;
  #settings: WebSocketSettings;
  #protocol: WebSocketServer;
  #trustedProxies: AddressRanges;

  constructor(listener: HttpSocketServer, options: WebSocketListenOptions) {
    this.#listener = listener;
    this.#options = options;
    this.#settings = options.settings();
    this.#protocol = this.#makeProtocol(this.#settings);
    this.#trustedProxies = new AddressRanges(this.#settings.trustedProxies);
  }

  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.#listener.arrived(socket);
    const refusal = this.refuse(request);
    if (refusal !== null) return this.#refuse(socket, refusal);
    const tls = this.#listener.tlsOf(socket);
    const peer = { ...peerOf(socket) };
    const receiver: Receiver = { take: () => {}, paysLargeReads: () => false };
    const carrier = this.#carrier(socket, tls, receiver);
    const lane = new ControlLane(carrier);
    // Both are lists, in which `ws` takes nothing else.
    request.headers.upgrade = "websocket";
    request.headers["sec-websocket-version"] = "13";
    this.#protocolOfNow().handleUpgrade(request, lane as unknown as Socket, Buffer.alloc(0), (ws) => {
      peer.address = clientAddress(request.headers, peer.address, this.#trustedProxies);
      this.#connect({ request, carrier, lane, ws, head, peer, tls, receiver });
    });
  }

  /** @returns null when the request may become a WebSocket */
  refuse(request: IncomingMessage): Refusal | null {
    const refusal = refusalOf(
      request,
      this.#listener.tlsOf(request.socket) !== null,
      this.#options.settings(),
      this.#options.onLeafNode !== null,
    );
    if (refusal !== null) this.#report(request, refusal);
    return refusal;
  }

  #report({ socket }: IncomingMessage, { reason }: Refusal): void {
    const { address, port } = peerOf(socket);
    this.#options.onRefusal(`${address}:${port}`, reason);
  }

  #refuse(stream: Duplex, refusal: Refusal): void {
    const body = refusalBody(refusal);
    const lines = Object.entries({ ...refusalHeaders, "Content-Length": Buffer.byteLength(body) });
    const fields = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    stream.end(`HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\n${fields}\r\n${body}`);
    // Whoever does not close in turn is closed.
    stream.once("close", () => this.#listener.arrived(stream));
    this.#listener.expect(stream);
    let droppedBytes = 0;
    stream.on("data", ({ length }: Buffer) => {
      droppedBytes += length;
      if (droppedBytes > droppedBytesMax) stream.destroy();
    });
  }

  /** The socket that carries the WebSocket: one that reads into the shared buffers, where it can. */
  #carrier(socket: Socket, tls: TlsState | null, receiver: Receiver): Socket {
    if (tls !== null) {
      socket.pause();
      socket.on("data", (chunk: Buffer) => receiver.take(chunk, chunk.length));
      return socket;
    }
    const { buffers } = this.#options;
    const carrier = adoptSocket(
      socket,
      buffers,
      (chunk, length) => receiver.take(chunk, length),
      () => receiver.paysLargeReads(),
    );
    carrier.on("error", () => {});
    this.#listener.move(socket, carrier);
    return carrier;
  }

  #connect(upgrade: Upgrade): void {
    const { request, carrier: socket, lane, ws, head, peer, tls, receiver } = upgrade;
    const { buffers, context, onConnection, onLeafNode } = this.#options;
    const connectionContext = context();
    const upgraded = { socket, lane, ws, holdsWrites: tls !== null };
    let wire!: WebSocketWire;
    const connection: Connection = new Connection(
      (owner) => (wire = new WebSocketWire(upgraded, owner, connectionContext.pass)),
      peer,
      tls,
      connectionContext,
    );
    receiver.paysLargeReads = () => connection.paysLargeReads;
    receiver.take = (chunk, length) => {
      wire.onChunk(chunk, 0, length);
      if (connection.takeChunkKept() && tls === null) buffers.part(chunk);
    };
    if (onLeafNode !== null && isLeafNodeRequest(request)) onLeafNode(connection);
    else onConnection(connection, credentialsFromCookies(request.headers, this.#settings));
    connection.greet();
    connection.ready();
    if (head.length > 0) receiver.take(head, head.length);
  }

  #makeProtocol(settings: WebSocketSettings): WebSocketServer {
    const protocol = makeProtocol(settings);
    // What is left for it to find: extensions that make no sense.
    protocol.on("wsClientError", (error, lane, request) => {
      const refusal = { status: 400, reason: error.message };
      this.#report(request, refusal);
      this.#refuse(lane, refusal);
      lane.once("finish", () => lane.destroy());
    });
    return protocol;
  }

  #protocolOfNow(): WebSocketServer {
    const before = this.#settings;
    const now = this.#options.settings();
    this.#settings = now;
    if (now.trustedProxies !== before.trustedProxies)
      this.#trustedProxies = new AddressRanges(now.trustedProxies);
    const isSame =
      now.compression === before.compression &&
      now.maxPayloadBytes === before.maxPayloadBytes &&
      now.headers === before.headers;
    if (!isSame) this.#protocol = this.#makeProtocol(now);
    return this.#protocol;
  }
}

interface Upgrade {
  readonly request: IncomingMessage;
  readonly carrier: Socket;
  readonly lane: ControlLane;
  readonly ws: WebSocket;
  readonly head: Buffer;
  readonly peer: { address: string; port: number };
  readonly tls: TlsState | null;
  readonly receiver: Receiver;
}

function makeProtocol(settings: WebSocketSettings): WebSocketServer {
  const protocol = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // Clients of this protocol name none, and none is chosen for those that do.
    handleProtocols: () => false,
    skipUTF8Validation: true,
    allowSynchronousEvents: true,
    maxPayload: Math.max(
      settings.maxPayloadBytes + gatheredBytesMin,
      Math.min(settings.maxPayloadBytes * payloadsGathered, messageBytesMax),
    ),
    maxFragments: fragmentsMax,
    maxBufferedChunks: chunksMax,
    maxPendingAutoPongs: pongsMax,
    closeTimeout: closeMsMax,
    perMessageDeflate: settings.compression && {
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      threshold: compressedBytesMin,
      zlibDeflateOptions: { level: 1, memLevel: 5 },
    },
  } as ConstructorParameters<typeof WebSocketServer>[0]);
  protocol.on("headers", (lines) => {
    for (const [name, value] of Object.entries(settings.headers)) lines.push(`${name}: ${value}`);
  });
  return protocol;
}
