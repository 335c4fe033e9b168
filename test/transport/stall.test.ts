import { describe, expect, test } from "vitest";
import { Bench } from "./parts.ts";

/** A receiver whose first write is under way, and a publisher that sends it as many bytes as it says. */
function meet(pendingBytesMax = 1_000_000) {
  const bench = new Bench();
  bench.limits = { ...bench.limits, pendingBytesMax, highWaterMarkBytes: pendingBytesMax * 0.75 };
  const receiver = bench.connect();
  const publisher = bench.connect();
  const held: boolean[] = [];
  receiver.wire.takes = () => false;
  const send = (bytes: number) => {
    const { outbound } = receiver.connection;
    if (outbound.reserve(0)) outbound.appendView(Buffer.alloc(bytes), true);
    if (bench.pass.backPressure.areAboveHighWaterMark) held.push(publisher.connection.stall());
  };
  publisher.handler.onDataDo = (text) => send(Number(text));
  const publish = (bytes: number) => {
    const chunk = Buffer.from(String(bytes));
    publisher.connection.receive(chunk, 0, chunk.length, false);
  };
  publish(1);
  return { bench, receiver, publisher, held, send, publish };
}

const released = (calls: readonly string[]) => calls.filter((call) => call === "release").length;
const closes = (calls: readonly string[]) => calls.filter((call) => call.startsWith("close"));

describe("a publisher that crowds a receiver", () => {
  test("is not read until the receiver has caught up", () => {
    const { receiver, publisher, held, publish } = meet();
    publish(700_000);
    expect(publisher.wire.reading).toBe(true);
    publish(100_000);
    expect([held, publisher.wire.reading]).toEqual([[true], false]);
    receiver.wire.drain();
    expect([released(publisher.handler.calls), publisher.wire.reading]).toEqual([0, false]);
    receiver.wire.drain();
    expect([released(publisher.handler.calls), publisher.wire.reading]).toEqual([1, true]);
    expect(publisher.connection.stallCount).toBe(1);
    expect(closes(receiver.handler.calls)).toEqual([]);
  });

  test("goes on when the receiver has taken nothing for a second, and is not held for it again", async () => {
    const { bench, publisher, held, send, publish } = meet();
    publish(760_000);
    expect(held).toEqual([true]);
    publisher.handler.onReleaseDo = () => {
      send(1);
      send(1);
    };
    await bench.clock.advance("999ms");
    expect(released(publisher.handler.calls)).toBe(0);
    await bench.clock.advance("51ms");
    expect([released(publisher.handler.calls), publisher.wire.reading]).toEqual([1, true]);
    publish(1);
    expect(held).toEqual([true, false, false, false]);
  });

  test("goes on after a second in any case, until the next message", async () => {
    const { bench, receiver, publisher, held, send, publish } = meet(64_000_000);
    for (const bytes of [1_100_000, 1_100_000, 49_000_000]) publish(bytes);
    publisher.handler.onReleaseDo = () => send(1);
    expect([held, publisher.wire.reading]).toEqual([[true], false]);
    // It takes something each time, and stays above its mark all the same.
    for (const pause of ["400ms", "400ms"]) {
      await bench.clock.advance(pause);
      receiver.wire.drain();
    }
    await bench.clock.advance("199ms");
    expect(released(publisher.handler.calls)).toBe(0);
    await bench.clock.advance("51ms");
    expect([held, released(publisher.handler.calls), publisher.wire.reading]).toEqual([
      [true, true],
      1,
      false,
    ]);
  });

  test("goes on before those who came later, and they only if there is room", () => {
    const { bench, receiver, publisher, publish } = meet();
    const later = bench.connect();
    const crowd = (bytes: number) => {
      receiver.connection.outbound.reserve(0);
      receiver.connection.outbound.appendView(Buffer.alloc(bytes), true);
    };
    publish(100_000);
    receiver.wire.drain();
    publish(660_000);
    later.handler.onDataDo = () => crowd(1);
    later.connection.receive(Buffer.from("x"), 0, 1, false);
    expect([publisher.wire.reading, later.wire.reading]).toEqual([false, false]);
    // What the receiver has taken makes room for the first alone.
    publisher.handler.onReleaseDo = () => crowd(100_000);
    receiver.wire.drain();
    expect([released(publisher.handler.calls), released(later.handler.calls)]).toEqual([1, 0]);
    receiver.wire.drain();
    expect([publisher.wire.reading, later.wire.reading]).toEqual([true, true]);
  });

  test("may be held again in the same chunk where waiting has helped", () => {
    const { receiver, publisher, held, send, publish } = meet();
    publisher.handler.onReleaseDo = () => send(760_000);
    publish(760_000);
    receiver.wire.drain();
    receiver.wire.drain();
    expect(held).toEqual([true, true]);
    expect([released(publisher.handler.calls), publisher.wire.reading]).toEqual([1, false]);
  });

  test("is held although its session did not ask for it", () => {
    const { bench, receiver, publisher } = meet();
    publisher.handler.onDataDo = () => {
      receiver.connection.outbound.reserve(0);
      receiver.connection.outbound.appendView(Buffer.alloc(800_000), true);
    };
    publisher.connection.receive(Buffer.from("x"), 0, 1, false);
    expect([publisher.wire.reading, bench.pass.backPressure.areAboveHighWaterMark]).toEqual([false, false]);
  });

  test("is held for itself too", () => {
    const bench = new Bench();
    const { connection, wire, handler } = bench.connect();
    wire.takes = () => false;
    handler.onDataDo = () => {
      connection.outbound.reserve(0);
      connection.outbound.appendView(Buffer.alloc(400_000), true);
    };
    for (let count = 0; count < 2; count++) connection.receive(Buffer.from("x"), 0, 1, false);
    expect(wire.reading).toBe(false);
    wire.drain();
    wire.drain();
    expect(wire.reading).toBe(true);
  });

  test("is let go when the receiver is gone", () => {
    const { receiver, publisher, publish } = meet();
    publish(800_000);
    receiver.connection.lost("Client Closed");
    expect([released(publisher.handler.calls), publisher.wire.reading]).toEqual([1, true]);
  });

  test("may go while it is held", async () => {
    const { bench, receiver, publisher, publish } = meet();
    publish(800_000);
    publisher.connection.lost("Client Closed");
    receiver.wire.drain();
    receiver.wire.drain();
    await bench.clock.advance("1s");
    expect(publisher.handler.calls.slice(-1)).toEqual(["close: Client Closed"]);
    expect(bench.faults).toEqual([]);
  });
});

describe("a receiver that takes nothing", () => {
  test("is not waited for, and is cut when it is full", async () => {
    const { bench, receiver, publisher, held, publish } = meet();
    await bench.clock.advance("1001ms");
    publish(800_000);
    expect([held, publisher.wire.reading]).toEqual([[false], true]);
    publish(300_000);
    expect(closes(receiver.handler.calls)).toEqual(["close: Slow Consumer (Pending Bytes)"]);
    expect(publisher.wire.reading).toBe(true);
  });

  test("is not mistaken for one that had nothing to take for a long time", async () => {
    const bench = new Bench();
    const receiver = bench.connect();
    const publisher = bench.connect();
    await bench.clock.advance("1h");
    receiver.wire.takes = () => false;
    publisher.handler.onDataDo = () => {
      receiver.connection.outbound.reserve(0);
      receiver.connection.outbound.appendView(Buffer.alloc(800_000), true);
    };
    publisher.connection.receive(Buffer.from("x"), 0, 1, false);
    expect([publisher.wire.reading, closes(receiver.handler.calls)]).toEqual([false, []]);
  });

  test("does not keep a publisher from another that can be waited for", async () => {
    const { bench, receiver, publisher, held } = meet();
    const other = bench.connect();
    other.wire.takes = () => false;
    await bench.clock.advance("1001ms");
    publisher.handler.onDataDo = () => {
      for (const { connection } of [receiver, other]) {
        connection.outbound.reserve(0);
        connection.outbound.appendView(Buffer.alloc(800_000), true);
      }
      held.push(publisher.connection.stall());
    };
    publisher.connection.receive(Buffer.from("x"), 0, 1, false);
    expect(held).toEqual([true]);
    receiver.wire.drain();
    receiver.wire.drain();
    expect(publisher.wire.reading).toBe(false);
    other.wire.drain();
    expect(publisher.wire.reading).toBe(true);
  });
});
