// Work that must not get lost: orders in a stream, workers that share them, and a place for those that nobody can do.
//
//   node examples/work-queue.mjs
//
// The broker runs inside this program and keeps its streams in a folder that goes with it; its clock is moved forward, so
// that the waits between two tries take no time.
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
  // What three tries were not enough for is copied there, whole.
  metadata: { "frond.dead_letter": "failed.packing" },
});

for (const order of ["lamp", "table", "anvil", "chair"]) {
  const { seq } = await jetstream(connection).publish(`orders.${order}`, order, { msgID: order });
  console.log(`order ${seq}: ${order} is on disk`);
}
const again = await jetstream(connection).publish("orders.lamp", "lamp", { msgID: "lamp" });
console.log(`lamp sent twice: duplicate ${again.duplicate}`);

// The broker goes away and comes back: nothing that it acknowledged is missing.
await connection.close();
await broker.close();
broker = await createBroker({ port: 0, jetstream: { storeDir } });
connection = await connect({ servers: broker.url });
manager = await jetstreamManager(connection);

const packing = await jetstream(connection).consumers.get("ORDERS", "packing");
let packed = 0;
for (let tries = 0; tries < 3; tries++) {
  for await (const order of await packing.fetch({ max_messages: 4 - packed, expires: 5_000 })) {
    if (order.string() === "anvil") continue; // Too heavy: no ack, so it comes again.
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
