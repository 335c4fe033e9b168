import { describe, expect, test } from "vitest";
import { Bench } from "./parts.ts";

/** A publisher whose every read is more than somebody can deal with. */
function meet() {
  const bench = new Bench();
  const publisher = bench.connect();
  const other = bench.connect();
  let relieve: () => void = () => {};
  publisher.handler.onDataDo = () => {
    bench.pass.backPressure.reportStore((onRelief) => void (relieve = onRelief));
  };
  const read = ({ connection }: typeof publisher) => connection.receive(Buffer.from("x"), 0, 1, false);
  const releases = () => publisher.handler.calls.filter((call) => call === "release").length;
  return { publisher, other, read, releases, relieve: () => relieve() };
}

describe("a publisher that brings more than can be dealt with", () => {
  test("is not read until there is relief; others are", async () => {
    const { publisher, other, read, releases, relieve } = meet();
    read(publisher);
    read(other);
    expect([publisher.wire.reading, other.wire.reading]).toEqual([false, true]);
    expect(publisher.connection.stallCount).toBe(1);
    relieve();
    relieve();
    await Promise.resolve();
    expect([publisher.wire.reading, releases()]).toEqual([true, 1]);
  });

  test("may be closed meanwhile", async () => {
    const { publisher, read, relieve } = meet();
    read(publisher);
    publisher.connection.destroy("gone");
    relieve();
    await Promise.resolve();
    expect(publisher.handler.calls.filter((call) => call.startsWith("close"))).toHaveLength(1);
  });
});
