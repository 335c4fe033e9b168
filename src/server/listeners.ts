/**
 * The listeners of a broker: for clients over TCP and TLS, over WebSocket, and for monitoring over HTTP. What a
 * configuration does not use is not even loaded, since each of ws, TLS and HTTP costs a start some milliseconds.
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Credentials } from "../auth/identity.ts";
import { spkiFingerprint } from "../auth/certificate.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { LeafListenerOptions } from "../config/leafnode-options.ts";
import type { MonitorOptions, Options } from "../config/options.ts";
import type { TlsOptions } from "../config/tls-options.ts";
import type { MonitorHandler } from "../monitor/monitor.ts";
import { hostAndPort, type BoundAddresses } from "./ports-file.ts";
import { errorLine } from "../protocol/encoder.ts";
import type { Connection, ConnectionContext } from "../transport/connection.ts";
import { listenWith, type ListenAddress, type Listener, type SocketAcceptor } from "../transport/listener.ts";
import type { ReadBuffer } from "../transport/read-buffer.ts";
import { acceptTcp } from "../transport/tcp/tcp-listener.ts";
import type { TlsHandshaker } from "../transport/tls/tls-handshaker.ts";

export type ListenerName = "client" | "websocket";

/** A connection of a leaf node: by the listener for these, or by WebSocket. */
export type LeafConnectionHandler = (connection: Connection, isWebSocket: boolean) => void;

export interface ListenersContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly buffers: ReadBuffer;
  /** Those in force; a reload replaces them. */
  readonly options: () => Options;
  readonly connection: () => ConnectionContext;
  readonly onConnection: (name: ListenerName, connection: Connection, offered: Partial<Credentials>) => void;
  readonly onLeafNode: LeafConnectionHandler;
  /** Asked once, when monitoring is configured. */
  readonly monitor: () => Promise<MonitorHandler>;
}

/** TLS of one listener, which a reload may change. */
interface ReloadableTls {
  readonly of: (options: Options) => TlsOptions | null;
  /**
   * Reads the certificates.
   * @returns puts it in force, for connections that come from then on
   * @throws Error naming the file that is wrong
   */
  readonly prepare: (tls: TlsOptions | null) => Promise<() => void>;
}

/** What differs between the ports for clients and for leaf nodes. */
interface PortSettings {
  readonly accept: (connection: Connection) => void;
  readonly tls: (options: Options) => TlsOptions | null;
  readonly allowNonTls: (options: Options) => boolean;
}

const throttled = "Connection throttling is active. Please try again later.";

export class Listeners {
  readonly #context: ListenersContext;
  readonly #clientListeners: Listener[] = [];
  readonly #monitorListeners: Listener[] = [];
  readonly #tls: ReloadableTls[] = [];
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

  /**
   * Reads the certificates that the options name.
   * @returns puts them in force: connections that come from then on are served by them, those there stay as they are
   * @throws Error naming the file that is wrong; nothing has changed then
   */
  async prepareTls(options: Options): Promise<() => void> {
    const prepared = await Promise.all(this.#tls.map(async ({ of, prepare }) => prepare(of(options))));
    return () => {
      for (const putInForce of prepared) putInForce();
    };
  }

  /** No more clients; those that are there stay, and so does monitoring. */
  async closeForClients(): Promise<void> {
    await Promise.all(this.#clientListeners.map(async (listener) => listener.close()));
  }

  async close(): Promise<void> {
    await this.closeForClients();
    await Promise.all(this.#monitorListeners.map(async (listener) => listener.close()));
    for (const listener of this.#monitorListeners) listener.destroy();
  }

  /** Resolves when every connection that came in is gone. */
  async drained(): Promise<void> {
    await Promise.all(
      [...this.#clientListeners, ...this.#monitorListeners].map(async (listener) => listener.drained),
    );
  }

  /** Lets go of every connection at once. */
  destroy(): void {
    for (const listener of [...this.#clientListeners, ...this.#monitorListeners]) listener.destroy();
  }

  async #openClient(): Promise<void> {
    const { options, onConnection } = this.#context;
    const { host, port, tls } = options();
    const listener = await this.#openPort(host, port, {
      accept: (accepted) => onConnection("client", accepted, {}),
      tls: (now) => now.tls,
      allowNonTls: (now) => now.allowNonTls,
    });
    this.#clientListeners.push(listener);
    this.#addresses = { ...this.#addresses, client: listener.address };
    // More follows the address for those who look for it in the log and take all up to the next blank: in JSON, what
    // would follow otherwise is the end of a string.
    const over = tls === null ? "TCP" : "TLS";
    this.#context.log.info(`Listening for client connections on ${shown(listener.address)} over ${over}`);
    if (tls !== null) {
      this.#context.log.info(
        `TLS ${options().allowNonTls ? "available" : "required"} for client connections`,
      );
    }
  }

  /** Each connection is served in clear or over TLS by what holds when it comes. */
  async #openPort(host: string, port: number, settings: PortSettings): Promise<Listener> {
    const { buffers, connection, options } = this.#context;
    const plain = acceptTcp(buffers, connection, settings.accept);
    let acceptor = plain;
    let secure: SecureAcceptor | null = null;
    const use = (next: SecureAcceptor | null): void => {
      secure = next;
      acceptor = next?.acceptor ?? plain;
    };
    const prepare = async (tls: TlsOptions | null): Promise<() => void> => {
      if (tls === null) return () => use(null);
      if (secure !== null) return secure.prepare(tls);
      const made = await this.#newSecureAcceptor(tls, settings);
      return () => use(made);
    };
    (await prepare(settings.tls(options())))();
    this.#tls.push({ of: settings.tls, prepare });
    return listenWith(host, port, () => acceptor);
  }

  async #newSecureAcceptor(tls: TlsOptions, settings: PortSettings): Promise<SecureAcceptor> {
    const { buffers, clock, connection, log, options } = this.#context;
    const { acceptTls } = await import("../transport/tls/tls-listener.ts");
    const { RateLimit } = await import("../transport/rate-limit.ts");
    const rateLimit = new RateLimit(clock, tls.connectionRateLimit);
    const handshaker = await this.#newHandshaker(tls, settings.tls);
    const acceptor = acceptTls({
      handshaker,
      clock,
      buffers,
      mode: () => ({
        handshakeFirst: settings.tls(options())?.handshakeFirst ?? "after-info",
        allowNonTls: settings.allowNonTls(options()),
      }),
      rateLimit,
      throttledText: errorLine(throttled),
      context: connection,
      onConnection: settings.accept,
      onHandshakeFailure: ({ peer }, failure) =>
        log.error(`${hostAndPort(peer.address, peer.port)} - TLS handshake error: ${failure}`),
    });
    const prepare = (next: TlsOptions): (() => void) => {
      const putInForce = handshaker.prepare(next);
      return () => {
        putInForce();
        rateLimit.perSecondMax = next.connectionRateLimit;
      };
    };
    return { acceptor, prepare };
  }

  async #openWebSocket(): Promise<void> {
    const { options, buffers, clock, connection, onConnection, log } = this.#context;
    const { listenWebSocket } = await import("../transport/websocket/websocket-listener.ts");
    const configured = options().websocket;
    if (configured === null) return;
    const { host, port, tls } = configured;
    const settings = (): NonNullable<Options["websocket"]> => options().websocket ?? configured;
    const listener = await listenWebSocket(host, port, {
      settings: () => ({ ...settings(), maxPayloadBytes: options().limits.maxPayloadBytes }),
      handshaker: await this.#httpHandshaker((now) => now.websocket?.tls ?? null),
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
    this.#clientListeners.push(listener);
    this.#addresses = { ...this.#addresses, websocket: { ...listener.address, tls: tls !== null } };
    log.info(
      `Listening for websocket clients on ${tls === null ? "ws" : "wss"}://${shown(listener.address)}`,
    );
  }

  async #openLeafNodes(configured: LeafListenerOptions): Promise<void> {
    const { onLeafNode, log } = this.#context;
    const { host, port, tls } = configured;
    const listener = await this.#openPort(host, port, {
      accept: (accepted) => onLeafNode(accepted, false),
      tls: (now) => now.leafnodes?.listener?.tls ?? null,
      allowNonTls: () => false,
    });
    this.#clientListeners.push(listener);
    this.#addresses = { ...this.#addresses, leafnodes: listener.address };
    log.info(
      `Listening for leafnode connections on ${shown(listener.address)} over ${tls === null ? "TCP" : "TLS"}`,
    );
  }

  async #openMonitor(configured: MonitorOptions): Promise<void> {
    const { options, clock, log } = this.#context;
    const { listenHttp } = await import("../transport/http/http-listener.ts");
    const secure = configured.httpsPort !== null;
    if (secure && options().tls === null)
      throw new Error("monitoring over HTTPS needs a tls block with a certificate");
    const handshaker = secure ? await this.#httpHandshaker(({ tls }) => withoutVerify(tls)) : null;
    const handler = await this.#context.monitor();
    const listener = await listenHttp(
      configured.host,
      (secure ? configured.httpsPort : configured.port) ?? 0,
      {
        handshaker,
        clock,
        handler,
        onFault: (error) => log.error(`Monitoring failed to answer: ${String(error)}`),
      },
    );
    this.#monitorListeners.push(listener);
    this.#addresses = { ...this.#addresses, monitor: { ...listener.address, tls: secure } };
    log.info(`Starting ${secure ? "https" : "http"} monitor on ${shown(listener.address)}`);
  }

  /** Of a listener that is over TLS, or not, for good. */
  async #httpHandshaker(of: ReloadableTls["of"]): Promise<TlsHandshaker | null> {
    const tls = of(this.#context.options());
    if (tls === null) return null;
    const handshaker = await this.#newHandshaker(tls, of);
    this.#tls.push({ of, prepare: async (next) => (next === null ? () => {} : handshaker.prepare(next)) });
    return handshaker;
  }

  async #newHandshaker(tls: TlsOptions, of: ReloadableTls["of"]): Promise<TlsHandshaker> {
    const { TlsHandshaker: Handshaker } = await import("../transport/tls/tls-handshaker.ts");
    const { clock, options } = this.#context;
    return new Handshaker(tls, clock, (certificate) => isPinned(certificate, of(options())));
  }
}

/** Whether a peer with this certificate, or with none, may connect. */
export function isPinned(certificate: Buffer | null, tls: TlsOptions | null): boolean {
  const pins = tls?.pinnedCerts ?? [];
  if (pins.length === 0) return true;
  return certificate !== null && pins.includes(spkiFingerprint(certificate) ?? "");
}

/** Serves connections over TLS. */
interface SecureAcceptor {
  readonly acceptor: SocketAcceptor;
  /** As {@link ReloadableTls.prepare}. */
  readonly prepare: (tls: TlsOptions) => () => void;
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

/** Whoever looks on need not show a certificate. */
function withoutVerify(tls: TlsOptions | null): TlsOptions | null {
  return tls === null ? null : { ...tls, verify: false, pinnedCerts: [] };
}

function shown({ host, port }: ListenAddress): string {
  return hostAndPort(host, port);
}
