/** A small HTTP server: questions in, whole answers out. Bounded in the size of a request, in time, and in connections. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "../../base/clock.ts";
import { HttpSocketServer } from "./http-socket-server.ts";
import type { Listener } from "../listener.ts";
import type { TlsHandshaker } from "../tls/tls-handshaker.ts";

export interface HttpRequest {
  readonly method: string;
  /** As it was sent, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export type HttpHandler = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;

export interface HttpListenOptions {
  /** Null: in clear. */
  readonly handshaker: TlsHandshaker | null;
  readonly clock: Clock;
  readonly handler: HttpHandler;
  /** Told what the handler threw; the peer gets a 500. */
  readonly onFault: (error: unknown) => void;
}

/** For a request to come, and again for its answer to be taken and the next request to come. */
const requestMsMax = 30_000;
const socketsMax = 1_024;
/** No question needs a body; one that comes is read and dropped up to here. */
const bodyBytesMax = 64 * 1024;

/** @throws Error that names the address when it cannot be had */
export async function listenHttp(host: string, port: number, options: HttpListenOptions): Promise<Listener> {
  const { handshaker, clock } = options;
  const listener = new HttpSocketServer({ clock, handshaker, requestMsMax: () => requestMsMax, socketsMax });
  listener.server.on("request", (request, response) => {
    listener.arrived(request.socket);
    dropBody(request, response);
    answerTo(request, options)
      .then((answer) => {
        if (response.writableEnded || response.destroyed) return;
        send(response, request.method === "HEAD", answer);
        listener.expect(request.socket);
      })
      .catch((error: unknown) => {
        options.onFault(error);
        response.destroy();
      });
  });
  return listener.open(host, port);
}

async function answerTo(request: IncomingMessage, options: HttpListenOptions): Promise<HttpAnswer> {
  let url: URL;
  try {
    url = new URL(request.url ?? "/", "http://localhost");
  } catch {
    return plainAnswer(400, "the request's path is not a valid URL");
  }
  const { headers, method = "GET" } = request;
  try {
    return await options.handler({ method, path: url.pathname, query: url.searchParams, headers });
  } catch (error) {
    options.onFault(error);
    return plainAnswer(500, "internal error");
  }
}

function plainAnswer(status: number, text: string): HttpAnswer {
  return { status, contentType: "text/plain; charset=utf-8", body: `${text}\n` };
}

function dropBody(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= bodyBytesMax) return;
    // Answered before the body came: what is left of it is not waited for.
    if (response.writableEnded) return void request.socket.destroy();
    response.shouldKeepAlive = false;
    send(response, false, plainAnswer(413, "no request needs a body of this size"));
  });
}

function send(response: ServerResponse, headOnly: boolean, answer: HttpAnswer): void {
  const body = Buffer.from(answer.body as string);
  response.writeHead(answer.status, {
    "Content-Type": answer.contentType,
    "Content-Length": body.length,
    ...answer.headers,
  });
  response.end(headOnly ? undefined : body);
}
