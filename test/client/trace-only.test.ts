/** Messages that are for their trace only, which nobody and nothing may take for a message. */
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import { createBroker } from "../../src/create-broker.ts";

function traceOnly() {
  const fields = headers();
  fields.set("Nats-Trace-Dest", "trace.here");
  fields.set("Nats-Trace-Only", "true");
  return fields;
}

test("such a message is neither stored nor acknowledged, and no request is answered", async () => {
  const broker = await createBroker({ port: 0, jetstream: true });
  onTestFinished(async () => broker.close());
  const connection = await connect({ servers: broker.url });
  onTestFinished(async () => connection.close());
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: "S", subjects: ["s"] });
  connection.subscribe("service", { callback: (_error, message) => void message.respond("done") });
  const js = jetstream(connection);
  const options = { headers: traceOnly(), timeout: 300 };
  await expect(js.publish("s", "dry", options)).rejects.toThrow(/timeout/i);
  await expect(connection.request("service", "dry", options)).rejects.toThrow(/timeout/i);
  await expect(connection.request("$JS.API.STREAM.DELETE.S", "", options)).rejects.toThrow(/timeout/i);
  expect((await js.publish("s", "wet")).seq).toBe(1);
  expect((await manager.streams.info("S")).state.messages).toBe(1);
});
