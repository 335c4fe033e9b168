/**
 * The monitoring endpoints as a function from a request to an answer: no socket, no state of its own. The paths and
 * the JSON are nats-server's, so that what reads the one reads the other.
 */
import { defaultExplainers } from "./explain/explain.ts";
import { encodeJson } from "../base/json.ts";
import { BadRequest } from "./query.ts";
import type { MonitorContext } from "./readings.ts";
import { rootPage } from "./root.ts";
import { routes } from "./routes.ts";

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
