/**
 * The composition root: makes the parts, wires them to each other, and starts, reloads, drains and stops them.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { createAuthenticator, type Listener as ListenerName } from "./auth/authenticator.ts";
import type { Authenticator } from "./auth/identity.ts";
import { createServerId } from "./auth/nkey.ts";
import { PasswordChecker } from "./auth/password.ts";
import type { Clock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import { Broker } from "./broker/broker.ts";
import { Client } from "./client/client.ts";
import type { ClientContext, ServerInfo } from "./client/context.ts";
import { clientSettings, newClientContext, newFrames, randomSeed } from "./client-context.ts";
import type { Options } from "./config/options.ts";
import { diffOptions, type OptionsDifference } from "./config/reload.ts";
import { drainSessions } from "./lame-duck.ts";
import { hostAndPort, writePortsFile, type BoundAddresses } from "./ports-file.ts";
import { connectionsExceeded } from "./protocol/errors.ts";
import { applyAccounts, applyToSessions } from "./reload.ts";
import { serverInfo, type ServerIdentity } from "./server-info.ts";
import { BufferPool } from "./transport/buffer-pool.ts";
import type { Connection, ConnectionContext } from "./transport/connection.ts";
import { FlushPass } from "./transport/flush-pass.ts";
import { ReadBuffer } from "./transport/read-buffer.ts";
import { listenTcp, type Listener } from "./transport/tcp-listener.ts";
import { natsVersion, productVersion } from "./version.ts";

/** Publishers are held back for receivers that have this share of `max_pending` waiting. */
const crowdedShare = 0.75;

export class Server {
  readonly identity: ServerIdentity;
  readonly clock: Clock;
  readonly log: Log;
  readonly broker: Broker;
  options: Options;
  /** Resolves when the broker has stopped; rejects when it stopped itself because of a fault of its own. */
  readonly closed: Promise<void>;
  readonly #pass = new FlushPass(new BufferPool());
  readonly #readBuffer = new ReadBuffer();
  readonly #frames = newFrames();
  readonly #passwords = new PasswordChecker();
  readonly #listeners: Listener[] = [];
  readonly #contexts = new Map<ListenerName, ClientContext>();
  #addresses: BoundAddresses = { client: null, websocket: null, monitor: null };
  #removePortsFile: (() => void) | null = null;
  #state: "starting" | "running" | "lame-duck" | "closing" | "closed" = "starting";
  #settle!: { resolve: () => void; reject: (error: unknown) => void };

  constructor(options: Options, clock: Clock, log: Log) {
    const id = createServerId();
    this.identity = { id, name: options.serverName ?? id };
    this.options = options;
    this.clock = clock;
    this.log = log;
    this.broker = new Broker(clock, options.maxClosedClients, randomSeed);
    this.closed = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever does not look at it must not be ended by it.
    this.closed.catch(() => {});
    clock.onFault = (error) => this.#fault(error);
  }

  get addresses(): BoundAddresses {
    return this.#addresses;
  }

  /** Opens every listener that the options ask for. @throws Error when one cannot be had; nothing is left open then */
  async start(): Promise<void> {
    const { options, log } = this;
    log.info(
      `Starting Frond ${productVersion}, compatible with NATS ${natsVersion}, on Node ${process.versions.node}`,
    );
    applyAccounts(this.broker, options);
    try {
      await this.#listen(options);
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#state = "running";
    this.#writeFiles(options);
    log.info("Server is ready");
  }

  get isLameDuck(): boolean {
    return this.#state === "lame-duck";
  }

  /** Takes no new connections, sends the clients elsewhere, and closes when they are gone or their time is over. */
  async enterLameDuck(): Promise<void> {
    if (this.#state !== "running") return;
    this.#state = "lame-duck";
    this.log.info("Entering lame duck mode, stop accepting new clients");
    await this.#closeListeners();
    const { lameDuckGracePeriodMs, lameDuckDurationMs } = this.options;
    await drainSessions(
      this.broker,
      this.clock,
      lameDuckGracePeriodMs,
      lameDuckDurationMs,
      () => !this.isLameDuck,
    );
    await this.close();
  }

  /** @throws ConfigError naming what cannot change while the broker runs; nothing has changed then */
  async reload(options: Options): Promise<OptionsDifference> {
    const difference = diffOptions(this.options, options);
    this.options = options;
    const accessChanged = difference.groups.has("access") || difference.groups.has("tls");
    if (accessChanged) applyAccounts(this.broker, options);
    await this.#refreshContexts();
    await applyToSessions(this.broker, options, accessChanged);
    if (difference.groups.has("files")) this.#writeFiles(options);
    for (const { option } of difference.changes) this.log.info(`Reloaded: ${option}`);
    return difference;
  }

  async close(): Promise<void> {
    if (this.#state === "closing" || this.#state === "closed") return this.closed;
    this.#state = "closing";
    this.log.info("Initiating Shutdown...");
    await this.#closeListeners();
    for (const session of [...this.broker.sessions.values()]) session.close("Server Shutdown");
    this.#removePortsFile?.();
    this.clock.close();
    this.#state = "closed";
    this.log.info("Server Exiting..");
    this.#settle.resolve();
  }

  async #closeListeners(): Promise<void> {
    await Promise.all(this.#listeners.splice(0).map(async (listener) => listener.close()));
  }

  #writeFiles(options: Options): void {
    if (options.pidFile !== null) writeWhole(options.pidFile, String(process.pid));
    this.#removePortsFile?.();
    this.#removePortsFile =
      options.portsFileDir === null ? null : writePortsFile(options.portsFileDir, this.#addresses);
  }

  /** Gives each listener's clients the settings of now. */
  async #refreshContexts(): Promise<void> {
    const { options } = this;
    for (const [listener, context] of this.#contexts) {
      const authenticator = await this.#authenticatorFor(options, listener);
      context.authenticator = authenticator;
      context.settings = clientSettings(options, context.connectionType);
      context.info = this.#infoFor(listener, authenticator);
    }
  }

  async #authenticatorFor(options: Options, listener: ListenerName): Promise<Authenticator> {
    const authenticator = createAuthenticator(options, listener, this.#passwords);
    await authenticator.prepare();
    return authenticator;
  }

  async #listen(options: Options): Promise<void> {
    await this.#newContext("client", options);
    const client = await listenTcp(
      options.host,
      options.port,
      this.#readBuffer,
      () => this.#connectionContext(),
      (connection) => this.#accept("client", connection),
    );
    this.#listeners.push(client);
    const { address } = client;
    this.#addresses = { ...this.#addresses, client: address };
    this.log.info(`Listening for client connections on ${hostAndPort(address.host, address.port)}`);
    await this.#refreshContexts();
  }

  async #newContext(listener: ListenerName, options: Options): Promise<void> {
    const authenticator = await this.#authenticatorFor(options, listener);
    const parts = { broker: this.broker, pass: this.#pass, log: this.log };
    const type = listener === "client" ? "STANDARD" : "WEBSOCKET";
    const info = this.#infoFor(listener, authenticator);
    this.#contexts.set(listener, newClientContext(parts, this.#frames, options, type, authenticator, info));
  }

  #infoFor(listener: ListenerName, authenticator: Authenticator): ServerInfo {
    const { options } = this;
    const own = listener === "client" ? null : options.websocket;
    const bound = own === null ? this.#addresses.client : this.#addresses.websocket;
    return serverInfo(this.identity, options, {
      address: bound ?? { host: options.host, port: options.port },
      advertise: own === null ? options.clientAdvertise : own.advertise,
      tls: own === null ? options.tls : own.tls,
      allowNonTls: own === null && options.allowNonTls,
      authRequired: authenticator.requiredInInfo,
    });
  }

  #accept(listener: ListenerName, connection: Connection): void {
    const client = new Client(connection, this.#contexts.get(listener) as ClientContext);
    client.open();
    if (this.broker.sessions.size <= this.options.limits.maxConnections) return;
    connection.greet();
    client.fail(connectionsExceeded());
  }

  #connectionContext(): ConnectionContext {
    const { maxPendingBytes, writeDeadlineMs } = this.options.limits;
    return {
      pass: this.#pass,
      clock: this.clock,
      limits: {
        pendingBytesMax: maxPendingBytes,
        crowdedBytes: maxPendingBytes * crowdedShare,
        writeDeadlineMs,
      },
      onFault: (error) => this.#fault(error),
    };
  }

  /** A mistake of our own: this broker stops, and its owner is told; the process goes on. */
  #fault(error: unknown): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.log.error(
      `Stopping because of a fault: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    this.#settle.reject(error);
    void this.close();
  }
}

function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
