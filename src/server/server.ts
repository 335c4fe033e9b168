/**
 * The composition root: makes the parts, wires them to each other, and starts, reloads, drains and stops them.
 */
import { rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { createAuthenticator } from "../auth/authenticator.ts";
import type { Authenticator, ConnectionType, Credentials } from "../auth/identity.ts";
import { createServerId } from "../auth/nkey.ts";
import { PasswordChecker } from "../auth/password.ts";
import { Clock, nextIteration, realDelay } from "../base/clock.ts";
import { reasonOf } from "../base/system-error.ts";
import type { Log } from "../base/log.ts";
import { Broker } from "../broker/broker.ts";
import { Client } from "../client/client.ts";
import type { ClientContext, ServerInfo } from "../client/context.ts";
import { clientSettings, newClientContext, newFrames, randomSeed } from "./client-context.ts";
import type { JetStreamOptions } from "../config/jetstream-options.ts";
import { fixedPorts } from "./default-store.ts";
import type { Options } from "../config/options.ts";
import { diffOptions, type OptionsDifference } from "../config/reload.ts";
import { CpuMeter } from "./cpu-meter.ts";
import { JetStreamAsked } from "./jetstream-asked.ts";
import type { RunningJetStream } from "./jetstream-setup.ts";
import { drainSessions } from "./lame-duck.ts";
import { LeafNodes } from "./leaf-nodes.ts";
import { certificateEndMs, Listeners, type ListenerName } from "./listeners.ts";
import type { MonitorHandler } from "../monitor/monitor.ts";
import { writePortsFile, type BoundAddresses } from "./ports-file.ts";
import { connectionsExceeded } from "../protocol/errors.ts";
import { applyAccounts, applyToSessions, closeUnpinned } from "./reload.ts";
import { serverInfo, type ServerIdentity } from "./server-info.ts";
import { BufferPool } from "../transport/buffer-pool.ts";
import type { Connection, ConnectionContext, ConnectionLimits } from "../transport/connection.ts";
import type { InProcessSocket } from "../transport/in-process.ts";
import { FlushPass } from "../transport/flush-pass.ts";
import { ReadBuffer } from "../transport/read-buffer.ts";
import { natsVersion, productVersion } from "../base/version.ts";

/** Publishers are held back for receivers that have this share of `max_pending` waiting. */
const highWaterMarkShare = 0.75;
const lastWordsMs = 1_500;
/** How clients come in. */
type ListenerKind = ListenerName | "in-process";
const connectionTypes: Readonly<Record<ListenerKind, ConnectionType>> = {
  client: "STANDARD",
  websocket: "WEBSOCKET",
  "in-process": "IN_PROCESS",
};
const listenerKinds = Object.keys(connectionTypes) as ListenerKind[];

export class Server {
  readonly identity: ServerIdentity;
  readonly clock: Clock;
  readonly log: Log;
  readonly broker: Broker;
  options: Options;
  /** Resolves when the broker has stopped; rejects when it stopped itself because of a fault of its own. */
  readonly closed: Promise<void>;
  readonly #pass: FlushPass;
  readonly #frames = newFrames();
  readonly #passwords = new PasswordChecker();
  readonly #listeners: Listeners;
  readonly #leafNodes: LeafNodes;
  readonly #contexts = new Map<ListenerKind, ClientContext>();
  #configLoadedMs: number;
  #removePortsFile: (() => void) | null = null;
  #jetstream: RunningJetStream | null = null;
  readonly #jetStreamAsked: JetStreamAsked;
  /** The reload before: one at a time. */
  #reloading: Promise<unknown> = Promise.resolve();
  #state: "starting" | "running" | "lame-duck" | "closing" | "closed" = "starting";
  #settle!: { resolve: () => void; reject: (error: unknown) => void };

  /** @param shared one clock may serve several brokers, each of which answers for its own deadlines */
  constructor(options: Options, shared: Clock, log: Log) {
    const clock = new Clock(shared);
    clock.onFault = (error) => this.#fault(error);
    this.#pass = new FlushPass(clock, new BufferPool());
    const id = createServerId();
    this.identity = { id, name: options.serverName ?? id };
    this.options = options;
    this.clock = clock;
    this.log = log;
    this.#jetStreamAsked = new JetStreamAsked(log, () => this.options);
    this.broker = new Broker(clock, options.maxClosedClients, randomSeed);
    this.closed = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever does not look at it must not be ended by it.
    this.closed.catch(() => {});
    this.#configLoadedMs = clock.wallMs();
    const buffers = new ReadBuffer(this.#pass);
    this.#leafNodes = new LeafNodes({
      broker: this.broker,
      pass: this.#pass,
      log,
      identity: this.identity,
      buffers,
      passwords: this.#passwords,
      options: () => this.options,
      connection: () => this.#connectionContext(),
      address: () => this.#listeners.addresses.leafnodes,
      onStreams: (account, api) => this.#jetstream?.jetstream.retrySourcing(account, api),
    });
    this.#listeners = new Listeners({
      clock,
      log,
      buffers,
      options: () => this.options,
      connection: () => this.#connectionContext(),
      onConnection: (listener, connection, offered) => this.#accept(listener, connection, offered),
      onLeafNode: (connection, isWebSocket) => this.#leafNodes.accept(connection, isWebSocket),
      monitor: async () => this.#newMonitor(),
    });
  }

  get addresses(): BoundAddresses {
    return this.#listeners.addresses;
  }

  /**
   * Opens every listener that the options ask for.
   * @param stopping ends it before its next step, as a failure
   * @throws Error when one cannot be had; nothing is left open then
   */
  async start(stopping?: AbortSignal): Promise<void> {
    const { options, log } = this;
    log.info(
      `Starting Frond ${productVersion}, compatible with NATS ${natsVersion}, on Node ${process.versions.node}`,
    );
    applyAccounts(this.broker, options);
    try {
      await (await this.#prepareJetStream(options))();
      await mayStop(stopping);
      for (const listener of listenerKinds) await this.#newContext(listener, options);
      await this.#refresh(options);
      await this.#listeners.open();
      // Now that ports are known that were to be any.
      await this.#refresh(options);
      this.#prepareFiles(options).use();
      await mayStop(stopping);
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#state = "running";
    this.#leafNodes.start();
    log.info("Server is ready");
  }

  get isLameDuck(): boolean {
    return this.#state === "lame-duck";
  }

  /** Takes no new connections, sends the clients elsewhere, and closes when they are gone or their time is over. */
  async enterLameDuck(): Promise<void> {
    if (this.#state !== "running") return;
    this.#state = "lame-duck";
    this.#leafNodes.stop();
    this.log.info("Entering lame duck mode, stop accepting new clients");
    await this.#listeners.closeForClients();
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

  /** @throws ConfigError naming what cannot change while the broker runs, or Error; nothing has changed then */
  async reload(options: Options): Promise<OptionsDifference> {
    const reloaded = this.#reloading.then(async () => this.#reload(options));
    this.#reloading = reloaded.catch(() => {});
    return reloaded;
  }

  async #reload(options: Options): Promise<OptionsDifference> {
    const before = this.options;
    const difference = diffOptions(before, options);
    const { groups } = difference;
    // What may fail comes first, and what nobody is to see half done comes in one go.
    const useTls = await this.#listeners.prepareTls(options);
    const useContexts = await this.#prepareContexts(options);
    const useLeafNodes = await this.#leafNodes.prepare(options);
    const files = groups.has("files") ? this.#prepareFiles(options) : null;
    const useJetStream = await this.#prepareJetStream(options).catch((error: unknown) => {
      files?.discard();
      throw error;
    });
    files?.use();
    this.options = options;
    this.#configLoadedMs = this.clock.wallMs();
    applyAccounts(this.broker, options);
    useTls();
    useContexts();
    useLeafNodes();
    await useJetStream();
    if (groups.has("links")) this.#leafNodes.reloadRemotes();
    if (groups.has("jetstream")) {
      this.#leafNodes.renewLinks();
      this.#jetStreamAsked.forget();
    }
    closeUnpinned(this.broker, before, options);
    const accessChanged = groups.has("access") || groups.has("tls");
    await applyToSessions(this.broker, options, this.#connectionLimits(), accessChanged);
    await this.#leafNodes.applyToLinks(accessChanged);
    for (const { option } of difference.changes) this.log.info(`Reloaded: ${option}`);
    return difference;
  }

  async close(): Promise<void> {
    if (this.#state === "closing" || this.#state === "closed") return this.closed;
    this.#state = "closing";
    this.#leafNodes.stop();
    this.log.info("Initiating Shutdown...");
    await this.#listeners.close();
    await this.#jetstream?.close();
    for (const session of [...this.broker.sessions.values()]) session.close("Server Shutdown");
    // Peers get a moment to hear it, in real time: the broker's own may stand still.
    await Promise.race([this.#listeners.drained(), realDelay(lastWordsMs)]);
    this.#listeners.destroy();
    this.#state = "closed";
    this.#removePortsFile?.();
    this.log.info("Server Exiting..");
    this.#settle.resolve();
  }

  /** Opens JetStream where it is asked for and not there. @returns does what else the options say of it */
  async #prepareJetStream(options: Options): Promise<() => Promise<void>> {
    const running = this.#jetstream;
    if (options.jetstream === null) {
      return async () => {
        this.#jetstream = null;
        await running?.close();
      };
    }
    const opened = running ?? (await this.#openJetStream(options.jetstream));
    return async () => {
      this.#jetstream = opened;
      opened.jetstream.apply(options);
    };
  }

  async #openJetStream(settings: JetStreamOptions): Promise<RunningJetStream> {
    // It costs a start some time, so only those pay who use it.
    const { openJetStream } = await import("./jetstream-setup.ts");
    const { broker, clock, log, identity } = this;
    const onFault = (error: Error): void => this.#fault(error);
    const ports = fixedPorts(this.options);
    return openJetStream({ broker, clock, log, identity, ports, pass: this.#pass, onFault }, settings);
  }

  /** Writes the files that tell of this process; those of before stay until the new ones are taken into use. */
  #prepareFiles({ pidFile, portsFileDir }: Options): { use: () => void; discard: () => void } {
    const { pidFile: oldPidFile, portsFileDir: oldPortsFileDir } = this.options;
    const removeOld = this.#removePortsFile;
    const isKept = removeOld !== null && portsFileDir === oldPortsFileDir;
    const remove = portsFileDir === null ? null : writePortsFile(portsFileDir, this.addresses);
    const discardPorts = (): void => (isKept ? undefined : remove?.());
    try {
      if (pidFile !== null) writePidFile(pidFile, String(process.pid));
    } catch (error) {
      discardPorts();
      throw error;
    }
    return {
      use: () => {
        if (!isKept) removeOld?.();
        this.#removePortsFile = remove;
      },
      discard: () => {
        discardPorts();
        if (pidFile !== null && pidFile !== oldPidFile) rmSync(pidFile, { force: true });
      },
    };
  }

  async #refresh(options: Options): Promise<void> {
    (await this.#prepareContexts(options))();
    (await this.#leafNodes.prepare(options))();
  }

  /** @returns gives each listener's clients the settings of the options, which are in force by then */
  async #prepareContexts(options: Options): Promise<() => void> {
    const authenticators = new Map<ListenerKind, Authenticator>();
    for (const listener of listenerKinds)
      authenticators.set(listener, await this.#authenticatorFor(options, listener));
    return () => {
      for (const [listener, context] of this.#contexts) {
        const authenticator = authenticators.get(listener) as Authenticator;
        context.authenticator = authenticator;
        context.settings = clientSettings(options, context.connectionType);
        context.info = this.#infoFor(listener, authenticator);
      }
    };
  }

  async #authenticatorFor(options: Options, listener: ListenerKind): Promise<Authenticator> {
    const authenticator = createAuthenticator(
      options,
      listener === "websocket" ? "websocket" : "client",
      this.#passwords,
    );
    await authenticator.prepare();
    return authenticator;
  }

  async #newContext(listener: ListenerKind, options: Options): Promise<void> {
    const authenticator = await this.#authenticatorFor(options, listener);
    const onNoResponders: ClientContext["onNoResponders"] = (account, subject) =>
      this.#jetStreamAsked.note(account, subject);
    const parts = { broker: this.broker, pass: this.#pass, log: this.log, onNoResponders, ...this.#frames };
    const context = newClientContext(parts, options, {
      connectionType: connectionTypes[listener],
      authenticator,
      info: this.#infoFor(listener, authenticator),
    });
    this.#contexts.set(listener, context);
  }

  #infoFor(listener: ListenerKind, authenticator: Authenticator): ServerInfo {
    const { options } = this;
    const own = listener === "websocket" ? options.websocket : null;
    const isLocal = listener === "in-process";
    const { client, websocket } = this.#listeners.addresses;
    const bound = own === null ? client : websocket;
    return serverInfo(this.identity, options, {
      address: bound ?? { host: options.host, port: options.port },
      advertise: own === null ? options.clientAdvertise : own.advertise,
      // Nobody else can listen in on a connection without a wire.
      tls: isLocal ? null : own === null ? options.tls : own.tls,
      allowNonTls: own === null && options.allowNonTls,
      isWebSocket: own !== null,
      authRequired: authenticator.requiredInInfo,
    });
  }

  /** A client in this process, without a socket: what it gives is like a browser's WebSocket. */
  async connectInProcess(): Promise<InProcessSocket> {
    if (this.#state !== "running") throw new Error("the broker is not running: it takes no new clients");
    const { connectInProcess } = await import("../transport/in-process.ts");
    return connectInProcess(this.#connectionContext(), (connection) =>
      this.#accept("in-process", connection, {}),
    );
  }

  #accept(listener: ListenerKind, connection: Connection, offered: Partial<Credentials>): void {
    try {
      const client = new Client(connection, this.#contexts.get(listener) as ClientContext, offered);
      client.open();
      if (this.broker.sessions.size <= this.options.limits.maxConnections) return;
      connection.greet();
      client.fail(connectionsExceeded());
    } catch (error) {
      this.#fault(error);
    }
  }

  #connectionContext(): ConnectionContext {
    return {
      pass: this.#pass,
      clock: this.clock,
      limits: this.#connectionLimits(),
      onFault: (error) => this.#fault(error),
    };
  }

  #connectionLimits(): ConnectionLimits {
    const { limits, noFastProducerStall } = this.options;
    const { maxPendingBytes, writeDeadlineMs } = limits;
    return {
      pendingBytesMax: maxPendingBytes,
      highWaterMarkBytes: maxPendingBytes * highWaterMarkShare,
      dropsAboveHighWaterMark: noFastProducerStall,
      writeDeadlineMs,
    };
  }

  async #newMonitor(): Promise<MonitorHandler> {
    const { createMonitor } = await import("../monitor/monitor.ts");
    const cpu = new CpuMeter(this.clock);
    return createMonitor({
      broker: this.broker,
      log: this.log,
      options: () => this.options,
      info: () => (this.#contexts.get("client") as ClientContext).info,
      stalls: () => this.#pass.backPressure.stalls(),
      leafRemotes: () => this.#leafNodes.remotes(),
      jetstream: () => this.#jetstream?.jetstream ?? null,
      process: () => ({
        rssBytes: process.memoryUsage.rss(),
        cpuPercent: cpu.percent(),
        cores: availableParallelism(),
        activeResources: () => process.getActiveResourcesInfo(),
      }),
      server: () => {
        const { monitor, websocket, leafnodes } = this.addresses;
        return {
          configLoadedMs: this.#configLoadedMs,
          httpPort: monitor?.tls === false ? monitor.port : null,
          httpsPort: monitor?.tls === true ? monitor.port : null,
          websocketPort: websocket?.port ?? null,
          leafPort: leafnodes?.port ?? null,
          certificateEndMs,
          listenersNotReady: this.#listenersNotReady,
        };
      },
    });
  }

  /** By nats-server's names; in lame duck all of them, so that nobody is sent here any more. */
  get #listenersNotReady(): string[] {
    if (this.#state === "starting") return ["server"];
    if (this.#state !== "lame-duck") return [];
    const { leafnodes, websocket } = this.addresses;
    return [
      "server",
      ...(leafnodes === null ? [] : ["leafnode"]),
      ...(websocket === null ? [] : ["websocket"]),
    ];
  }

  /** A mistake of our own: this broker stops, and its owner is told; the process goes on. */
  #fault(error: unknown): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.log.error(
      `Stopping because of a fault: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    this.#settle.reject(error);
    this.close().catch((failure: unknown) => this.log.error(`Stopping failed: ${String(failure)}`));
  }
}

/** Lets a signal come that has waited for what was done in one go. @throws the reason for stopping, when it is to stop */
async function mayStop(stopping: AbortSignal | undefined): Promise<void> {
  if (stopping === undefined) return;
  await new Promise<void>((resolve) => nextIteration(resolve));
  stopping.throwIfAborted();
}

function writePidFile(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new Error(`cannot write the pid file ${path}: ${reasonOf(error)}`, { cause: error });
  }
}
