/** A broker in this process, with a look inside. */
import { setTimeout as sleep } from "node:timers/promises";
import { Clock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { optionsFromObject, type BrokerOptions } from "../../src/config/embedding.ts";
import { Server } from "../../src/server.ts";
import { connectFlow, connectReceiver, type FlowClient } from "./flow.ts";

export interface Running {
  readonly server: Server;
  readonly port: number;
  readonly clock: Clock;
  /** Closed when the broker is stopped. */
  client(fields?: Readonly<Record<string, unknown>>): Promise<FlowClient>;
  receiver(subject: string, sid?: string): Promise<FlowClient>;
  /** Why connections have ended, oldest first. */
  reasons(): string[];
  stop(): Promise<void>;
}

export async function run(options: BrokerOptions = {}): Promise<Running> {
  const clock = new Clock();
  const server = new Server(optionsFromObject({ port: 0, ...options }).options, clock, silentLog);
  await server.start();
  const port = server.addresses.client?.port ?? 0;
  const clients: FlowClient[] = [];
  const keep = (client: FlowClient): FlowClient => {
    clients.push(client);
    return client;
  };
  return {
    server,
    port,
    clock,
    client: async (fields = {}) => keep(await connectFlow({ port, connect: fields })),
    receiver: async (subject, sid = "1") => keep(await connectReceiver(port, subject, sid)),
    reasons: () => server.broker.closedSessions().map(({ reason }) => reason),
    stop: async () => {
      for (const client of clients) client.close();
      await server.close();
    },
  };
}

/** Waits, in real time, until `condition` holds. */
export async function eventually(condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not in ${timeoutMs} ms: ${String(condition)}`);
    await sleep(2);
  }
}
