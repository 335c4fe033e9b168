/** The broker inside a Node program: one call to start, one to stop. */
import { Clock } from "./base/clock.ts";
import { silentLog } from "./base/log.ts";
import type { BrokerOptions as ConfigurableOptions } from "./config/broker-options.ts";
import { optionsFromObject } from "./config/embedding.ts";
import type { ListenAddress } from "./transport/tcp-listener.ts";
import { hostAndPort } from "./ports-file.ts";
import { Server } from "./server.ts";

export interface BrokerOptions extends ConfigurableOptions {
  /** The time that the broker goes by; one of its own unless given. One clock may serve several brokers. */
  readonly clock?: Clock | undefined;
}

export interface EmbeddedBroker {
  /** `nats://127.0.0.1:4222`, for clients. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** `ws://…` or `wss://…`; null without a WebSocket listener. */
  readonly websocketUrl: string | null;
  /** `nats-leaf://…`, for leaf nodes; null without a listener for them. */
  readonly leafNodeUrl: string | null;
  /** `http://…` or `https://…`; null without monitoring. */
  readonly monitorUrl: string | null;
  /**
   * Connects an official client of this process without a socket:
   * `await wsconnect({ servers: "ws://in-process", wsFactory: broker.wsFactory })`.
   */
  readonly wsFactory: () => Promise<{ socket: WebSocket; encrypted: boolean }>;
  /** Moves the broker's time by hand: `await broker.clock.advance("30s")`. */
  readonly clock: Clock;
  /** Resolves once the broker has stopped; rejects if it had to stop because of a fault of its own. */
  readonly closed: Promise<void>;
  /** Takes over other options, as far as a running broker can. @throws ConfigError naming what cannot change */
  reload(options: BrokerOptions): Promise<void>;
  /** Closes every connection and listener; nothing keeps the process alive afterwards. */
  close(): Promise<void>;
}

/**
 * Starts a broker in this process.
 * @throws ConfigError when an option is wrong, naming it; Error when an address cannot be had
 */
export async function createBroker(options: BrokerOptions = {}): Promise<EmbeddedBroker> {
  const { clock = new Clock(), ...configurable } = options;
  const loaded = optionsFromObject(configurable);
  const wantsLog = configurable.log !== undefined;
  const logger = wantsLog ? await (await import("./logger.ts")).createLogger(loaded.options.log) : null;
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
