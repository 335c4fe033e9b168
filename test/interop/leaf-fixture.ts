/** What tests of links share: clients at both ends, and a way to know that interest has crossed. */
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { setTimeout as sleep } from "node:timers/promises";

export async function client(url: string, options: object = {}): Promise<NatsConnection> {
  return connect({ servers: url, reconnect: false, ...options });
}

let syncs = 0;

/**
 * Resolves when everything that `listener` has subscribed to so far is known where `speaker` is. Interest crosses a
 * link in order, so what is asked for last is known last.
 */
export async function synced(speaker: NatsConnection, listener: NatsConnection): Promise<void> {
  const subject = `sync.${process.pid}.${++syncs}`;
  const subscription = listener.subscribe(subject, {
    callback: (_error, message) => void message.respond("here"),
  });
  await listener.flush();
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      await speaker.request(subject, "", { timeout: 1_000 });
      subscription.unsubscribe();
      return;
    } catch {
      await sleep(20);
    }
  }
  throw new Error("interest did not cross the link");
}

/** Waits until `done` says so. */
export async function until(done: () => boolean, what: string, msMax = 8_000): Promise<void> {
  for (const startMs = performance.now(); !done(); ) {
    if (performance.now() - startMs > msMax) throw new Error(`waited in vain until ${what}`);
    await sleep(5);
  }
}
