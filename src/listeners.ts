/**
 * The doors of a broker: for clients over TCP and TLS, over WebSocket, and for monitoring over HTTP. What a
 * configuration does not use is not even loaded, since each of ws, TLS and HTTP costs a start some milliseconds.
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Credentials } from "./auth/identity.ts";
import { spkiFingerprint } from "./auth/certificate.ts";
import type { Clock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import type { LeafListenerOptions } from "./config/leafnode-options.ts";
import type { MonitorOptions, Options, TlsOptions } from "./config/options.ts";
import type { MonitorHandler } from "./monitor/monitor.ts";
import { hostAndPort, type BoundAddresses } from "./ports-file.ts";
import { errorLine } from "./protocol/encoder.ts";
import type { Connection, ConnectionContext } from "./transport/connection.ts";
import type { RateLimit } from "./transport/rate-limit.ts";
import type { ReadBuffer } from "./transport/read-buffer.ts";
import { listenTcp, type ListenAddress, type Listener } from "./transport/tcp-listener.ts";
import type { TlsGate } from "./transport/tls-gate.ts";

export type ListenerName = "client" | "websocket";

/** A connection of a leaf node: by the listener for these, or by WebSocket. */
export type LeafDoor = (connection: Connection, isWebSocket: boolean) => void;

export interface ListenersContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly buffers: ReadBuffer;
  /** Those in force; a reload replaces them. */
  readonly options: () => Options;
  readonly connection: () => ConnectionContext;
  readonly onConnection: (name: ListenerName, connection: Connection, offered: Partial<Credentials>) => void;
  readonly onLeafNode: LeafDoor;
  /** Asked once, when monitoring is configured. */
  readonly monitor: () => Promise<MonitorHandler>;
}

const throttled = "Connection throttling is active. Please try again later.";

export class Listeners {
  readonly #context: ListenersContext;
  readonly #clientDoors: Listener[] = [];
  readonly #monitorDoors: Listener[] = [];
  readonly #gates: { readonly gate: TlsGate; readonly terms: () => TlsOptions | null }[] = [];
  readonly #rateLimits: { readonly rateLimit: RateLimit; readonly terms: () => TlsOptions | null }[] = [];
  #addresses: BoundAddresses = { client: null, websocket: null, leafnodes: null, monitor: null };

  constructor(context: ListenersContext) {
    this.#context = context;
  }

  get addresses(): BoundAddresses {
    return this.#addresses;
  }

  /** @throws Error that says which address or certificate could not be had */
  async open(): Promise<void> {
    const { monitor, websocket, leafnodes } = this.#context.options();
    if (monitor !== null) await this.#openMonitor(monitor);
    // Before clients' own: who finds one of them open finds all of them.
    const leafListener = leafnodes?.listener ?? null;
    if (leafListener !== null) await this.#openLeafNodes(leafListener);
    if (websocket !== null) await this.#openWebSocket();
    await this.#openClient();
  }

  /** Reads the certificates again. @throws Error naming the file that is wrong; nothing has changed then */
  reloadTls(): void {
    for (const { gate, terms } of this.#gates) {
      const now = terms();
      if (now !== null) gate.update(now);
    }
    for (const { rateLimit, terms } of this.#rateLimits)
      rateLimit.perSecondMax = terms()?.connectionRateLimit ?? 0;
  }

  /** No more clients; those that are there stay, and so does monitoring. */
  async closeForClients(): Promise<void> {
    await Promise.all(this.#clientDoors.map(async (door) => door.close()));
  }

  async close(): Promise<void> {
    await this.closeForClients();
    await Promise.all(this.#monitorDoors.map(async (door) => door.close()));
    for (const door of this.#monitorDoors) door.destroy();
  }

  /** Resolves when every connection that came in is gone. */
  async drained(): Promise<void> {
    await Promise.all([...this.#clientDoors, ...this.#monitorDoors].map(async (door) => door.drained));
  }

  /** Lets go of every connection at once. */
  destroy(): void {
    for (const door of [...this.#clientDoors, ...this.#monitorDoors]) door.destroy();
  }

  async #openClient(): Promise<void> {
    const { options, buffers, connection, onConnection } = this.#context;
    const { host, port, tls } = options();
    const accept = (accepted: Connection): void => onConnection("client", accepted, {});
    const door =
      tls === null
        ? await listenTcp(host, port, buffers, connection, accept)
        : await this.#openTls(host, port, tls, accept, {
            terms: () => options().tls,
            allowNonTls: () => options().allowNonTls,
          });
    this.#clientDoors.push(door);
    this.#addresses = { ...this.#addresses, client: door.address };
    // More follows the address for those who look for it in the log and take all up to the next blank: in JSON, what
    // would follow otherwise is the end of a string.
    const over = tls === null ? "TCP" : "TLS";
    this.#context.log.info(`Listening for client connections on ${shown(door.address)} over ${over}`);
    if (tls !== null) {
      this.#context.log.info(
        `TLS ${options().allowNonTls ? "available" : "required"} for client connections`,
      );
    }
  }

  async #openTls(
    host: string,
    port: number,
    tls: TlsOptions,
    accept: (connection: Connection) => void,
    now: { readonly terms: () => TlsOptions | null; readonly allowNonTls: () => boolean },
  ): Promise<Listener> {
    const { buffers, clock, connection, log } = this.#context;
    const { listenTls } = await import("./transport/tls-listener.ts");
    const { RateLimit: Limit } = await import("./transport/rate-limit.ts");
    const rateLimit = new Limit(clock, tls.connectionRateLimit);
    this.#rateLimits.push({ rateLimit, terms: now.terms });
    const gate = await this.#newGate(tls, now.terms);
    return listenTls(host, port, {
      gate,
      clock,
      buffers,
      mode: () => ({
        handshakeFirst: now.terms()?.handshakeFirst ?? "after-info",
        allowNonTls: now.allowNonTls(),
      }),
      rateLimit,
      throttledText: errorLine(throttled),
      context: connection,
      onConnection: accept,
      onHandshakeFailure: ({ peer }, failure) =>
        log.error(`${hostAndPort(peer.address, peer.port)} - TLS handshake error: ${failure}`),
    });
  }

  async #openWebSocket(): Promise<void> {
    const { options, buffers, clock, connection, onConnection, log } = this.#context;
    const { listenWebSocket } = await import("./transport/websocket-listener.ts");
    const configured = options().websocket;
    if (configured === null) return;
    const { host, port, tls } = configured;
    const terms = (): NonNullable<Options["websocket"]> => options().websocket ?? configured;
    const door = await listenWebSocket(host, port, {
      terms: () => ({ ...terms(), maxPayloadBytes: options().limits.maxPayloadBytes }),
      gate: tls === null ? null : await this.#newGate(tls, () => terms().tls),
      clock,
      buffers,
      context: connection,
      onConnection: (accepted, offered) => onConnection("websocket", accepted, offered),
      onLeafNode:
        (options().leafnodes?.listener ?? null) === null
          ? null
          : (accepted) => this.#context.onLeafNode(accepted, true),
      onRefusal: (peer, reason) => log.error(`${peer} - websocket handshake refused: ${reason}`),
    });
    this.#clientDoors.push(door);
    this.#addresses = { ...this.#addresses, websocket: { ...door.address, tls: tls !== null } };
    log.info(`Listening for websocket clients on ${tls === null ? "ws" : "wss"}://${shown(door.address)}`);
  }

  async #openLeafNodes(configured: LeafListenerOptions): Promise<void> {
    const { options, buffers, connection, onLeafNode, log } = this.#context;
    const { host, port, tls } = configured;
    const accept = (accepted: Connection): void => onLeafNode(accepted, false);
    const door =
      tls === null
        ? await listenTcp(host, port, buffers, connection, accept)
        : await this.#openTls(host, port, tls, accept, {
            terms: () => options().leafnodes?.listener?.tls ?? null,
            allowNonTls: () => false,
          });
    this.#clientDoors.push(door);
    this.#addresses = { ...this.#addresses, leafnodes: door.address };
    log.info(
      `Listening for leafnode connections on ${shown(door.address)} over ${tls === null ? "TCP" : "TLS"}`,
    );
  }

  async #openMonitor(configured: MonitorOptions): Promise<void> {
    const { options, clock, log } = this.#context;
    const { listenHttp } = await import("./transport/http.ts");
    const secure = configured.httpsPort !== null;
    const tls = options().tls;
    if (secure && tls === null) throw new Error("monitoring over HTTPS needs a tls block with a certificate");
    // Whoever looks on need not show a certificate.
    const gate =
      secure && tls !== null
        ? await this.#newGate({ ...tls, verify: false, pinnedCerts: [] }, () => withoutVerify(options().tls))
        : null;
    const handler = await this.#context.monitor();
    const door = await listenHttp(configured.host, (secure ? configured.httpsPort : configured.port) ?? 0, {
      gate,
      clock,
      handler,
      onFault: (error) => log.error(`Monitoring failed to answer: ${String(error)}`),
    });
    this.#monitorDoors.push(door);
    this.#addresses = { ...this.#addresses, monitor: { ...door.address, tls: secure } };
    log.info(`Starting ${secure ? "https" : "http"} monitor on ${shown(door.address)}`);
  }

  async #newGate(tls: TlsOptions, terms: () => TlsOptions | null): Promise<TlsGate> {
    const { TlsGate: Gate } = await import("./transport/tls-gate.ts");
    const gate = new Gate(tls, this.#context.clock, (certificate) => {
      const pinned = terms()?.pinnedCerts ?? [];
      return pinned.length === 0 || pinned.includes(spkiFingerprint(certificate) ?? "");
    });
    this.#gates.push({ gate, terms });
    return gate;
  }
}

/** When the first certificate in the file ends, milliseconds since the epoch; null without one. */
export function certificateEndMs(file: string | null): number | null {
  if (file === null) return null;
  try {
    return Date.parse(new X509Certificate(readFileSync(file)).validTo);
  } catch {
    // It was good when the listener read it; what is there now shows at the next reload.
    return null;
  }
}

function withoutVerify(tls: TlsOptions | null): TlsOptions | null {
  return tls === null ? null : { ...tls, verify: false, pinnedCerts: [] };
}

function shown({ host, port }: ListenAddress): string {
  return hostAndPort(host, port);
}
