// Work that must not get lost: orders in a stream, workers that share them, and a second stream for orders that keep failing.
//
//   node examples/work-queue.mjs
//
// The broker runs inside this program and keeps its streams in a temporary folder. The program moves the broker's clock
// forward, so the waits between two attempts take no time.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { createBroker } from "frond";

const storeDir = await mkdtemp(join(tmpdir(), "orders-"));
let broker = await createBroker({ port: 0, jetstream: { storeDir } });
let connection = await connect({ servers: broker.url });
let manager = await jetstreamManager(connection);

await manager.streams.add({ name: "ORDERS", subjects: ["orders.>"], retention: "workqueue" });
await manager.streams.add({ name: "FAILED", subjects: ["failed.>"] });
await manager.consumers.add("ORDERS", {
  durable_name: "packing",
  ack_policy: "explicit",
  max_deliver: 3,
  backoff: [1_000_000_000, 5_000_000_000, 30_000_000_000],
  // After three failed attempts, the whole message is copied to this subject.
  metadata: { "frond.dead_letter": "failed.packing" },
});

for (const order of ["lamp", "table", "anvil", "chair"]) {
  const { seq } = await jetstream(connection).publish(`orders.${order}`, order, { msgID: order });
  console.log(`order ${seq}: ${order} is on disk`);
}
const again = await jetstream(connection).publish("orders.lamp", "lamp", { msgID: "lamp" });
console.log(`lamp sent twice: duplicate ${again.duplicate}`);

// The broker stops and starts again: every message that it acknowledged is still there.
await connection.close();
await broker.close();
broker = await createBroker({ port: 0, jetstream: { storeDir } });
connection = await connect({ servers: broker.url });
manager = await jetstreamManager(connection);

const packing = await jetstream(connection).consumers.get("ORDERS", "packing");
let packed = 0;
for (let tries = 0; tries < 3; tries++) {
  for await (const order of await packing.fetch({ max_messages: 4 - packed, expires: 5_000 })) {
    if (order.string() === "anvil") continue; // Too heavy: it sends no ack, so the broker delivers the order again.
    await order.ackAck();
    packed++;
    console.log(`packed: ${order.string()}`);
  }
  await broker.clock.advance("40s");
}

const failed = await manager.streams.getMessage("FAILED", { last_by_subj: "failed.packing" });
console.log(`given up: ${failed.string()}`);
const left = await manager.streams.info("ORDERS");
console.log(`left in the queue: ${left.state.messages}`);

await connection.close();
await broker.close();
await rm(storeDir, { recursive: true });
