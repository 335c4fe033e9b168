/** A WebSocket that this broker opens itself. `ws` does all of it: a link carries few frames, and large ones. */
import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { WebSocket, type ClientOptions } from "ws";
import type { Deadline } from "../../base/clock.ts";
import type { CloseReason } from "../../protocol/errors.ts";
import { Connection, type Wire } from "../connection.ts";
import {
  clientTlsOptions,
  pinProblem,
  reasonOf,
  tlsStateOf,
  type Dialed,
  type DialHandler,
  type DialOptions,
} from "../tcp/dialer.ts";
import { peerOf } from "../listener.ts";

export interface WebSocketDialOptions extends Omit<DialOptions, "isHandshakeFirst" | "buffers"> {
  readonly isSecure: boolean;
  /** Begins with a slash. */
  readonly path: string;
  readonly compression: boolean;
  /** For the answer to the request, from when it can be sent. */
  readonly upgradeMsMax: number;
  /** Without, frames are not masked if the other end agrees. */
  readonly masking: boolean;
  readonly payloadBytesMax: number;
}

const noMasking = "Nats-No-Masking";
/** nats-server puts all that waits for a link into one frame, which is this much by default. */
const gatheredBytesMax = 64 * 1024 * 1024;
const closeTextBytesMax = 123;

/** @returns how to give up */
export function dialWebSocket(options: WebSocketDialOptions, handler: DialHandler): () => void {
  const { host, port, path, isSecure, clock, dialMsMax, tls, serverName } = options;
  let isSettled = false;
  const fail = (reason: string): void => {
    if (isSettled) return;
    isSettled = true;
    deadline.cancel();
    socket?.terminate();
    handler.onFailure(reason);
  };
  let socket: WebSocket | null = null;
  const within = (waitMs: number, failure: string): Deadline => clock.after(waitMs, () => fail(failure));
  let deadline = within(dialMsMax, `no answer within ${dialMsMax / 1000} s`);
  const next = (waitMs: number, failure: string): void => {
    deadline.cancel();
    if (!isSettled) deadline = within(waitMs, failure);
  };
  try {
    const url = `${isSecure ? "wss" : "ws"}://${host.includes(":") ? `[${host}]` : host}:${port}${path}`;
    socket = new WebSocket(url, {
      ...(isSecure && clientTlsOptions(tls, serverName)),
      perMessageDeflate: options.compression && {
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
      },
      followRedirects: false,
      // Each step has a time of its own, as over TCP.
      finishRequest: (request: ClientRequest) => {
        const upgrade = (): void =>
          next(
            options.upgradeMsMax,
            `no answer to the WebSocket request within ${options.upgradeMsMax / 1000} s`,
          );
        request.once("socket", (carrying) => {
          if (isSecure) carrying.once("connect", () => next(tls.timeoutMs, "TLS handshake: timed out"));
          carrying.once(isSecure ? "secureConnect" : "connect", upgrade);
        });
        request.end();
      },
      skipUTF8Validation: true,
      maxPayload: options.payloadBytesMax + gatheredBytesMax,
      headers: options.masking ? {} : { [noMasking]: "true" },
    } as unknown as ClientOptions);
  } catch (error) {
    queueMicrotask(() => fail(reasonOf(error as NodeJS.ErrnoException)));
    return () => (isSettled = true);
  }
  const ws = socket;
  let carrier: Socket | null = null;
  let isMasked = true;
  ws.on("error", (error) => fail(reasonOf(error as NodeJS.ErrnoException)));
  ws.once("upgrade", (response) => {
    carrier = response.socket;
    isMasked = options.masking || response.headers[noMasking.toLowerCase()] !== "true";
  });
  ws.once("open", () => {
    if (isSettled || carrier === null) return ws.terminate();
    const pinFailure = carrier instanceof TLSSocket ? pinProblem(carrier, tls.pinnedCerts) : null;
    if (pinFailure !== null) return fail(pinFailure);
    isSettled = true;
    deadline.cancel();
    connect(ws, carrier, isMasked, options, handler);
  });
  return () => {
    if (isSettled) return;
    isSettled = true;
    deadline.cancel();
    ws.terminate();
  };
}

function connect(
  ws: WebSocket,
  carrier: Socket,
  isMasked: boolean,
  { context }: WebSocketDialOptions,
  handler: DialHandler,
): void {
  ws.pause();
  const connection: Connection = new Connection(
    (owner) => new DialedWebSocketWire(ws, carrier, isMasked, owner),
    peerOf(carrier),
    carrier instanceof TLSSocket ? tlsStateOf(carrier, true) : null,
    context,
  );
  const dialed: Dialed = { connection, secure: (done) => done(null), goOn: () => {} };
  handler.onConnection(dialed);
  connection.greet();
  connection.ready();
}

class DialedWebSocketWire implements Wire {
  readonly holdsWrites = true;
  readonly #ws: WebSocket;
  readonly #connection: Connection;
  readonly #isMasked: boolean;
  #failure: CloseReason | null = null;
  readonly #onWritten = (): void => this.#connection.written();

  constructor(ws: WebSocket, carrier: Socket, isMasked: boolean, connection: Connection) {
    this.#ws = ws;
    this.#connection = connection;
    this.#isMasked = isMasked;
    carrier.setNoDelay(true);
    ws.on("message", (data: Buffer) => {
      connection.receive(data, 0, data.length, true);
      connection.takeChunkKept();
    });
    ws.on("error", ({ code }: NodeJS.ErrnoException) => {
      this.#failure =
        code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" ? "Maximum Message Payload Exceeded" : "Read Error";
    });
    ws.on("close", () => connection.lost(this.#failure ?? "Client Closed"));
  }

  write(pieces: readonly Buffer[]): boolean {
    const whole = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
    this.#ws.send(whole, { binary: true, mask: this.#isMasked }, this.#onWritten);
    return false;
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  end(code: number, text: string): void {
    this.#ws.close(code, text.slice(0, closeTextBytesMax));
  }

  abort(code: number, text: string): void {
    this.end(code, text);
    this.#ws.terminate();
  }

  destroy(): void {
    this.#ws.terminate();
  }
}
