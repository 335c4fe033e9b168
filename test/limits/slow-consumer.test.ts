/** A receiver that stays slow is cut, with the reason that it has, and stalls nobody for long. */
import { afterEach, expect, test } from "vitest";
import { eventually } from "../fixture/waiting.ts";
import { flood } from "./flow.ts";
import { run, stalled, steadily, type Running } from "./running.ts";

const mebibyte = 1024 * 1024;
/** On the broker's clock. Measured: 1.0 to 1.2 s. */
const stallMsMax = 4_000;

let broker: Running;
afterEach(async () => broker.stop());

test.each([[128], [4_096], [200_000]])(
  "a receiver that never reads is cut, and stalls its publisher for a moment and nobody else, %i bytes",
  async (payloadBytes) => {
    broker = await run({ maxPending: 8 * mebibyte });
    const dead = await broker.receiver("flow");
    dead.stopReading();
    const publisher = await broker.client();
    const count = Math.ceil((24 * mebibyte) / (payloadBytes + 30));
    const { stalledMs, pairRounds } = await stalled(broker, async () => {
      await flood(publisher, { subject: "flow", publisher: "me", count, payloadBytes });
      await publisher.roundTrip();
    });
    expect(broker.reasons()).toEqual(["Slow Consumer (Pending Bytes)"]);
    expect(broker.server.broker.stats.slowConsumers).toBe(1);
    expect(stalledMs).toBeLessThan(stallMsMax);
    expect(pairRounds).toBeGreaterThan(10);
  },
);

test("20 receivers that never read are cut, and three that do get everything in time", async () => {
  broker = await run({ maxPending: 4 * mebibyte });
  const dead = await Promise.all(
    Array.from({ length: 20 }, async (_, at) => broker.receiver("flow", at < 10 ? "1" : `${at}`)),
  );
  for (const each of dead) each.stopReading();
  const alive = await Promise.all(["1", "2", "11"].map(async (sid) => broker.receiver("flow", sid)));
  const publishers = await Promise.all([1, 2, 3].map(async () => broker.client()));
  const count = 10_000;
  const { stalledMs } = await stalled(broker, async () =>
    Promise.all([
      ...publishers.map(async (each, at) =>
        flood(each, { subject: "flow", publisher: `p${at}`, count, payloadBytes: 1_000 }),
      ),
      ...alive.map(async (each) => each.until(() => each.received >= count * 3, "all messages")),
    ]),
  );
  expect(stalledMs).toBeLessThan(2 * stallMsMax);
  expect(alive.map(({ fault }) => fault)).toEqual([null, null, null]);
  expect(broker.reasons()).toEqual(Array.from({ length: 20 }, () => "Slow Consumer (Pending Bytes)"));
  expect(broker.server.broker.stats.slowConsumers).toBe(20);
});

test("a receiver that takes too long over one write is cut by the deadline, without a word", async () => {
  broker = await run({ writeDeadline: "10s" });
  const dead = await broker.receiver("flow");
  dead.stopReading();
  broker.clock.freeze();
  const publisher = await broker.client();
  await flood(publisher, { subject: "flow", publisher: "me", count: 200, payloadBytes: 100_000 });
  await publisher.roundTrip();
  await broker.clock.advance("9s");
  expect(broker.reasons()).toEqual([]);
  await broker.clock.advance("1500ms");
  expect(broker.reasons()).toEqual(["Slow Consumer (Write Deadline)"]);
  expect(broker.server.broker.stats.slowConsumers).toBe(1);
  dead.read();
  await dead.untilClosed();
  expect(dead.lines.slice(1)).toEqual([]);
  await publisher.roundTrip();
});

test("a receiver that is slow but not dead is not cut by the deadline", async () => {
  broker = await run({ writeDeadline: "500ms", maxPending: 64 * mebibyte });
  const slow = await broker.receiver("flow");
  slow.setPace({ burstBytes: mebibyte, pauseMs: 100 });
  const count = 200;
  const publisher = await broker.client();
  await steadily(broker, async () => {
    await flood(publisher, { subject: "flow", publisher: "me", count, payloadBytes: 100_000 });
    await slow.until(() => slow.received >= count, "all messages");
  });
  expect([slow.fault, broker.reasons()]).toEqual([null, []]);
});

test("with no_fast_producer_stall messages are dropped for a receiver above its high-water mark, and for nobody else", async () => {
  broker = await run({ maxPending: 8 * mebibyte, noFastProducerStall: true });
  const [slow, alike, quick] = await Promise.all(
    ["1", "1", "2"].map(async (sid) => broker.receiver("flow", sid)),
  );
  if (slow === undefined || alike === undefined || quick === undefined) throw new Error("not connected");
  slow.stopReading();
  const publisher = await broker.client();
  const count = 60_000;
  // Those who read get the time to do so.
  for (let from = 0; from < count; from += 2_000) {
    await flood(publisher, { subject: "flow", publisher: "me", from, count: 2_000, payloadBytes: 512 });
    for (const each of [quick, alike])
      await each.until(() => each.received >= from + 2_000, `${from + 2_000} messages`);
  }
  expect([quick.fault, alike.fault, broker.reasons()]).toEqual([null, null, []]);
  const stalls = [...broker.server.broker.sessions.values()].map(({ stallCount }) => stallCount);
  expect(Math.max(...stalls)).toBe(0);
  // A receiver above its mark still gets what is no message, in order, and messages again once it has read.
  const answer = slow.roundTrip();
  slow.read();
  await answer;
  expect(slow.received).toBeLessThan(count);
  expect(slow.received).toBeGreaterThan(5_000);
  const before = slow.received;
  await flood(publisher, { subject: "flow", publisher: "me", from: count, count: 1, payloadBytes: 512 });
  await slow.until(() => slow.received > before, "a message again");
});

test("limits that a reload changes hold for connections that are there", async () => {
  broker = await run({ maxPending: 64 * mebibyte, writeDeadline: "10s" });
  const dead = await broker.receiver("flow");
  dead.stopReading();
  const publisher = await broker.client();
  const { options } = broker.server;
  await broker.server.reload({ ...options, noFastProducerStall: true });
  await broker.server.reload({ ...options, limits: { ...options.limits, writeDeadlineMs: 200 } });
  await flood(publisher, { subject: "flow", publisher: "me", count: 200, payloadBytes: 100_000 });
  await eventually(() => broker.reasons().length > 0);
  expect(broker.reasons()).toEqual(["Slow Consumer (Write Deadline)"]);
});
