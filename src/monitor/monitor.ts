/**
 * The monitoring endpoints as a function from a request to an answer: no socket, no state of its own. The paths and
 * the JSON are nats-server's, so that what reads the one reads the other.
 */
import type { Log } from "../base/log.ts";
import type { Broker } from "../broker/broker.ts";
import type { ServerInfo } from "../client/context.ts";
import type { Options } from "../config/options.ts";
import type { JetStream } from "../jetstream/jetstream.ts";
import type { RemoteStatus } from "../leaf/remote.ts";
import { defaultExplainers } from "./explain/explain.ts";
import type { Explainer } from "./explain/explained-route.ts";
import { encodeJson } from "../base/json.ts";
import { BadRequest } from "./query.ts";
import { rootPage } from "./root.ts";
import { routes } from "./routes.ts";

/** What the monitor reads; all of it is asked anew for each request. */
export interface MonitorContext {
  readonly broker: Broker;
  readonly log: Log;
  /** The options in force; a reload replaces them. */
  readonly options: () => Options;
  /** INFO of the client listener. */
  readonly info: () => ServerInfo;
  /** The hubs that this broker dials; none when absent. */
  readonly leafRemotes?: () => readonly RemoteStatus[];
  /** Null, and absent, where there is none. */
  readonly jetstream?: () => JetStream | null;
  readonly process: () => ProcessReadings;
  readonly server: () => ServerReadings;
  /** Who has something to say of where a message goes; those of this folder when absent. */
  readonly explainers?: readonly Explainer[];
}

export interface ProcessReadings {
  readonly rssBytes: number;
  /** Of one core, so 200 with two of them busy; since the last reading. */
  readonly cpuPercent: number;
  readonly cores: number;
  /** What keeps the process running, by Node's names: open sockets, timers, requests to the file system. */
  readonly activeResources: () => readonly string[];
}

export interface ServerReadings {
  /** Wall clock, milliseconds since the epoch. */
  readonly configLoadedMs: number;
  /** What the monitoring listeners are bound to; null where there is none. */
  readonly httpPort: number | null;
  readonly httpsPort: number | null;
  readonly websocketPort: number | null;
  readonly leafPort?: number | null;
  /** When the first certificate in the file ends, milliseconds since the epoch; null without one. */
  readonly certificateEndMs: (certFile: string | null) => number | null;
  /** Listeners that are configured and not accepting yet, by name: `server`, `websocket`. */
  readonly listenersNotReady: readonly string[];
}

export interface MonitorRequest {
  readonly method: string;
  /** Without the query, not decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface MonitorResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type MonitorHandler = (request: MonitorRequest) => MonitorResponse;

/** Any method is answered like GET. Source: nats-server `startMonitoring`. */
export function createMonitor(context: MonitorContext): MonitorHandler {
  const explainers = context.explainers ?? defaultExplainers;
  return (request) => {
    const basePath = context.options().monitor?.basePath ?? "/";
    if (request.path === basePath) {
      count(context, "/");
      return html(rootPage(context.info(), basePath));
    }
    const endpoint = routes.get(pathBelow(basePath, request.path));
    if (endpoint === undefined) return notFound;
    count(context, endpoint.path);
    try {
      const { status, value, compact } = endpoint.answer({ context, query: request.query, explainers });
      if (typeof value === "string") return text(status ?? 200, value);
      return json(status ?? 200, encodeJson(value, compact !== true));
    } catch (error) {
      if (error instanceof BadRequest) return text(400, error.message);
      throw error;
    }
  };
}

function count({ broker }: MonitorContext, path: string): void {
  broker.stats.httpRequests.set(path, (broker.stats.httpRequests.get(path) ?? 0) + 1);
}

/** Empty when `path` is not below the base. */
function pathBelow(basePath: string, path: string): string {
  if (basePath === "/") return path;
  return path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : "";
}

const notFound: MonitorResponse = {
  ...text(404, "404 page not found\n"),
  headers: { "X-Content-Type-Options": "nosniff" },
};

function json(status: number, body: string): MonitorResponse {
  return { status, contentType: "application/json", body, headers: { "Access-Control-Allow-Origin": "*" } };
}

function html(body: string): MonitorResponse {
  return { status: 200, contentType: "text/html; charset=utf-8", body };
}

function text(status: number, body: string): MonitorResponse {
  return { status, contentType: "text/plain; charset=utf-8", body };
}
