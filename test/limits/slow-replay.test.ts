/** A stream is delivered to a receiver no faster than that takes it, whatever there is of it. */
import { afterEach, expect, test } from "vitest";
import { flood, type FlowClient } from "./flow.ts";
import { run, steadily, type Running } from "./running.ts";
import { eventually } from "../fixture/waiting.ts";

const mebibyte = 1024 * 1024;
const payloadBytes = 1_000;
const count = 20_000;

let broker: Running;
afterEach(async () => broker.stop());

const pushes = { durable_name: "c", deliver_subject: "to.it", ack_policy: "none" };
const pulls = { durable_name: "c", ack_policy: "none" };

/** Resolves when it has been carried out. */
async function ask(from: FlowClient, subject: string, body: object, reply = "_INBOX.x"): Promise<void> {
  const text = JSON.stringify(body);
  from.write(`PUB $JS.API.${subject} ${reply} ${text.length}\r\n${text}\r\n`);
  await from.roundTrip();
}

async function fill(from: FlowClient): Promise<void> {
  await ask(from, "STREAM.CREATE.S", { name: "S", subjects: ["flow"], storage: "memory" });
  await flood(from, { subject: "flow", publisher: "me", count, payloadBytes });
  await from.roundTrip();
}

test.each([
  ["push", pushes, { burstBytes: mebibyte, pauseMs: 50 }],
  ["pull", pulls, { burstBytes: mebibyte, pauseMs: 50 }],
  ["push, read at once", pushes, null],
])("a long replay to a slow receiver, %s", async (_kind, config, pace) => {
  broker = await run({ maxPending: 2 * mebibyte, config: "jetstream {}" });
  const publisher = await broker.client();
  await fill(publisher);
  const slow = await broker.receiver("to.it");
  slow.setPace(pace);
  await ask(publisher, "CONSUMER.DURABLE.CREATE.S.c", { stream_name: "S", config });
  if (config === pulls) await ask(publisher, "CONSUMER.MSG.NEXT.S.c", { batch: count }, "to.it");
  await steadily(broker, async () => slow.until(() => slow.received >= count, "all messages"));
  expect([slow.fault, broker.reasons()]).toEqual([null, []]);
});

test.each([
  ["push", pushes],
  ["pull", pulls],
])("with no_fast_producer_stall a stream still waits for its receiver, %s", async (_kind, config) => {
  broker = await run({ maxPending: 2 * mebibyte, noFastProducerStall: true, config: "jetstream {}" });
  const publisher = await broker.client();
  await fill(publisher);
  const slow = await broker.receiver("to.it");
  slow.setPace({ burstBytes: mebibyte, pauseMs: 50 });
  await ask(publisher, "CONSUMER.DURABLE.CREATE.S.c", { stream_name: "S", config });
  if (config === pulls) await ask(publisher, "CONSUMER.MSG.NEXT.S.c", { batch: count }, "to.it");
  await steadily(broker, async () => slow.until(() => slow.received >= count, "all messages"));
  expect([slow.fault, broker.reasons()]).toEqual([null, []]);
});

test("one that takes nothing is cut in the end", async () => {
  broker = await run({ maxPending: 2 * mebibyte, config: "jetstream {}" });
  const publisher = await broker.client();
  await fill(publisher);
  const dead = await broker.receiver("to.it");
  dead.stopReading();
  await ask(publisher, "CONSUMER.DURABLE.CREATE.S.c", { stream_name: "S", config: pushes });
  await eventually(() => broker.reasons().length > 0);
  expect(broker.reasons()).toEqual(["Slow Consumer (Pending Bytes)"]);
  await publisher.roundTrip();
});
