/** The broker inside a Node program: one call to start, one to stop. */
import { Clock } from "./base/clock.ts";
import { silentLog } from "./base/log.ts";
import type { BrokerOptions as ConfigurableOptions } from "./config/broker-options.ts";
import { optionsFromObject } from "./config/embedding.ts";
import type { ListenAddress } from "./transport/tcp/tcp-listener.ts";
import { hostAndPort } from "./server/ports-file.ts";
import { Server } from "./server/server.ts";

/** Every option has a default: `createBroker()` listens on 127.0.0.1:4222, without a login and without streams. */
export interface BrokerOptions extends ConfigurableOptions {
  /** The clock of the broker; default: a new one. Several brokers can share a clock. */
  readonly clock?: Clock | undefined;
}

/** A broker that runs in this process. */
export interface EmbeddedBroker {
  /** The URL for clients, such as `nats://127.0.0.1:4222`. */
  readonly url: string;
  /** The address that clients connect to; for `0.0.0.0` and `::`, the loopback address is in `url`. */
  readonly host: string;
  /** The port for clients, which the system has chosen if `port` was 0. */
  readonly port: number;
  /** The URL for WebSocket clients, `ws://…` or `wss://…`; null without a WebSocket listener. */
  readonly websocketUrl: string | null;
  /** The URL for leaf nodes, `nats-leaf://…`; null without a listener for them. */
  readonly leafNodeUrl: string | null;
  /** The URL of the monitoring pages, `http://…` or `https://…`; null without monitoring. */
  readonly monitorUrl: string | null;
  /**
   * Lets an official client in this process connect without a socket:
   * `await wsconnect({ servers: "ws://in-process", wsFactory: broker.wsFactory })`.
   */
  readonly wsFactory: () => Promise<{ socket: WebSocket; encrypted: boolean }>;
  /** The clock of the broker. A test can move it: `await broker.clock.advance("30s")`. */
  readonly clock: Clock;
  /** Resolves when the broker has stopped; rejects if a fault of its own stopped it. */
  readonly closed: Promise<void>;
  /**
   * Applies new options, in one step or not at all. Pass all of them again.
   * @throws ConfigError if one is wrong or cannot change while the broker runs; Error if a file cannot be read
   */
  reload(options: BrokerOptions): Promise<void>;
  /** Closes all connections and listeners. Afterwards, the broker does not keep the process alive. */
  close(): Promise<void>;
}

/**
 * Starts a broker in this process.
 * @throws ConfigError with the name of each wrong option; Error if it cannot listen on an address
 */
export async function createBroker(options: BrokerOptions = {}): Promise<EmbeddedBroker> {
  const { clock = new Clock(), ...configurable } = options;
  const loaded = optionsFromObject(configurable);
  const wantsLog = configurable.log !== undefined;
  const logger = wantsLog
    ? await (await import("./server/logger.ts")).createLogger(loaded.options.log)
    : null;
  const server = new Server(loaded.options, clock, logger ?? silentLog);
  for (const warning of loaded.warnings) server.log.warn(warning);
  try {
    await server.start();
  } catch (error) {
    logger?.close();
    throw error;
  }
  const { client, websocket, leafnodes, monitor } = server.addresses;
  const address = client as ListenAddress;
  return {
    url: `nats://${reachable(address)}`,
    host: address.host,
    port: address.port,
    websocketUrl: websocket === null ? null : `${websocket.tls ? "wss" : "ws"}://${reachable(websocket)}`,
    leafNodeUrl: leafnodes === null ? null : `nats-leaf://${reachable(leafnodes)}`,
    monitorUrl: monitor === null ? null : `${monitor.tls ? "https" : "http"}://${reachable(monitor)}`,
    // The clients' types ask for all of a browser's WebSocket; what they use of it is there.
    wsFactory: async () => ({
      socket: (await server.connectInProcess()) as unknown as WebSocket,
      encrypted: false,
    }),
    clock,
    closed: server.closed,
    reload: async ({ clock: _, ...changed }) => {
      // The port that is open was asked for by another number where any would do.
      const isSamePort = changed.port === undefined || changed.port === address.port;
      const port = isSamePort ? loaded.options.port : changed.port;
      const { options: next } = optionsFromObject({ ...changed, port });
      if (logger === null) await server.reload(next);
      else await logger.changeOptions(next.log, () => server.reload(next));
    },
    close: async () => {
      await server.close();
      logger?.close();
    },
  };
}

/** An address that a client of this machine can use. */
function reachable({ host, port }: ListenAddress): string {
  const local = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return hostAndPort(local, port);
}
