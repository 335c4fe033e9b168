// Configuration in a KV bucket: every service sees a change at once, and an update fails if it is based on an old value.
//
//   node examples/configuration.mjs
//
// The broker runs inside this program. If NATS_URL is set, the services use the broker at that address instead.
import { EventEmitter, once } from "node:events";
import { Kvm } from "@nats-io/kv";
import { connect } from "@nats-io/transport-node";
import { createBroker } from "frond";

const broker = process.env.NATS_URL === undefined ? await createBroker({ port: 0, jetstream: true }) : null;
const servers = process.env.NATS_URL ?? broker.url;

const operator = await connect({ servers });
const settings = await new Kvm(operator).create("settings", { history: 5 });
await settings.put("pricing.discount", "5");

/** Reads the current values, and then every change. */
async function startService(name) {
  const connection = await connect({ servers, name });
  const bucket = await new Kvm(connection).open("settings");
  const changes = new EventEmitter();
  const current = new Map();
  const watch = await bucket.watch({ key: "pricing.>" });
  const reading = (async () => {
    for await (const entry of watch) {
      current.set(entry.key, entry.operation === "PUT" ? entry.string() : null);
      changes.emit("change", entry);
    }
  })();
  if (current.size === 0) await once(changes, "change");
  return { name, current, changes, stop: async () => (watch.stop(), await reading, connection.close()) };
}

const services = await Promise.all(["shop", "billing", "search"].map(startService));
for (const { name, current } of services)
  console.log(`${name} starts with discount ${current.get("pricing.discount")}`);

const seen = Promise.all(services.map(({ changes }) => once(changes, "change")));
const revision = await settings.put("pricing.discount", "10");
await seen;
for (const { name, current } of services)
  console.log(`${name} has discount ${current.get("pricing.discount")}`);

// Two operators change the same key: the second has not seen the first one's change.
await settings.update("pricing.discount", "15", revision);
try {
  await settings.update("pricing.discount", "20", revision);
} catch (error) {
  console.log(`refused: ${error.message}`);
}

const values = [];
for await (const entry of await settings.history({ key: "pricing.discount" })) values.push(entry.string());
console.log(`history: ${values.join(", ")}`);

for (const service of services) await service.stop();
await operator.close();
await broker?.close();
