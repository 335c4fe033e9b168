/** Puts JetStream into a broker: its store, and its ways in and out. Loaded only where it is asked for. */
import { join } from "node:path";
import { Nuid } from "../base/nuid.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Broker } from "../broker/broker.ts";
import { Publisher } from "../broker/publisher.ts";
import { Service } from "../broker/service.ts";
import type { JetStreamOptions } from "../config/jetstream-options.ts";
import { Consumers } from "../jetstream/consumer/consumers.ts";
import type { Host } from "../jetstream/host.ts";
import { JetStream } from "../jetstream/jetstream.ts";
import type { ServerIdentity } from "./server-info.ts";
import type { Store } from "../store/contract.ts";
import { MemoryStore } from "../store/memory/memory-store.ts";
import type { FlushPass } from "../transport/flush-pass.ts";

export interface JetStreamParts {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly log: Log;
  readonly pass: FlushPass;
  readonly identity: ServerIdentity;
  /** That the broker is to listen on. */
  readonly ports: readonly number[];
  /** The broker can not go on. */
  readonly onFault: (error: Error) => void;
}

export interface RunningJetStream {
  readonly jetstream: JetStream;
  /** Writes what is still to be written, and stops. */
  close(): Promise<void>;
}

/**
 * It serves no account before {@link JetStream.apply}.
 * @throws Error when the store can not be opened; nothing is left open then
 */
export async function openJetStream(
  parts: JetStreamParts,
  settings: JetStreamOptions,
): Promise<RunningJetStream> {
  const store = await openStore(parts, settings);
  const jetstream = new JetStream(hostFor(parts, settings, store), settings, new Consumers());
  const stopSettling = parts.clock.onSettle(async () => store.flush());
  return {
    jetstream,
    close: async () => {
      jetstream.close();
      stopSettling();
      await flushed(store, parts.log);
      jetstream.end();
      await store.close();
    },
  };
}

/** A store that has failed is why the broker stops, and has nothing more to write. */
async function flushed(store: Store, log: Log): Promise<void> {
  try {
    await store.flush();
  } catch (error) {
    log.error(`What was decided last is not on disk: ${(error as Error).message}`);
  }
}

/** Without a directory everything is kept in memory, whatever a stream asks for, and goes with the broker. */
async function openStore(
  { pass, log, ports, onFault }: JetStreamParts,
  { storeDir, syncIntervalMs }: JetStreamOptions,
): Promise<Store> {
  const schedule: FlushPass["defer"] = (phase, work) => pass.defer(phase, work);
  if (storeDir === null) return new MemoryStore(schedule);
  // LMDB is loaded only where there is something to keep.
  const { DiskStore } = await import("../store/disk/disk-store.ts");
  return DiskStore.open({
    // As nats-server has it, so that a file system can be shared with what else is stored there.
    directory: join(storeDir, "jetstream"),
    ports,
    schedule,
    syncIntervalMs: syncIntervalMs === 0 ? null : syncIntervalMs,
    onFault,
    onWarning: (text) => log.warn(text),
  });
}

function hostFor(parts: JetStreamParts, settings: JetStreamOptions, store: Store): Host {
  const { broker, clock, log, pass, identity } = parts;
  const nuids = new Nuid();
  return {
    broker,
    clock,
    log,
    store,
    publisher: new Publisher(broker.router),
    service: new Service(),
    receivers: pass.backPressure,
    serverName: identity.name,
    serverId: identity.id,
    domain: settings.domain,
    defer: (phase, work) => pass.defer(phase, work),
    after: (delayMs, work) => clock.after(delayMs, () => pass.run(work)),
    soon: (work) => clock.soon(() => pass.run(work)),
    background: (slice) => pass.background.add(slice),
    stallPublisher: () => pass.backPressure.reportStore((callback) => store.onDrain(callback)),
    nuid: () => nuids.next(),
  };
}
