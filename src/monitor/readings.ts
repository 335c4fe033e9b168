/** What the monitor reads of the broker and its process. */
import type { Log } from "../base/log.ts";
import type { Broker } from "../broker/broker.ts";
import type { ServerInfo } from "../client/context.ts";
import type { Options } from "../config/options.ts";
import type { JetStream } from "../jetstream/jetstream.ts";
import type { RemoteStatus } from "../leaf/remote.ts";
import type { Stall } from "../transport/back-pressure.ts";
import type { Explainer } from "./explain/explained-route.ts";

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
  /** Who waits for whom, of those that send; nobody when absent. */
  readonly stalls?: () => readonly Stall[];
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
