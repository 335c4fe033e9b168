/** What tests of links share: clients at both ends, and a way to know that interest has crossed. */
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { eventually, patienceMs } from "../fixture/waiting.ts";

export async function client(url: string, options: object = {}): Promise<NatsConnection> {
  return connect({ servers: url, reconnect: false, timeout: patienceMs, ...options });
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
  await eventually(async () => {
    await speaker.request(subject, "", { timeout: 1_000 });
  });
  subscription.unsubscribe();
}
