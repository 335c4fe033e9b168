import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Phases } from "../../../src/base/phases.ts";
import { StoredMessage } from "../../../src/store/contract.ts";
import { draft, openStore, temporaryDirectory } from "../../fixture/disk-store.ts";
import { handled } from "../../fixture/waiting.ts";

describe("a store on disk", () => {
  it("makes all that one pass decides one group, and tells of it once it is on disk", async () => {
    const { store } = openStore(temporaryDirectory());
    const seen: number[] = [];
    const unobserve = store.observe({ onDurable: (group) => seen.push(group) });
    const one = store.create("A", "ONE", "file");
    const two = store.create("B", "TWO", "file");
    one.log.append(draft("a", "1"));
    two.putRecord("config", Buffer.from("{}"));
    expect([store.lastGroup, store.durableGroup, one.log.durableSeq]).toEqual([1, 0, 0]);
    await store.flush();
    expect([store.lastGroup, store.durableGroup, one.log.durableSeq]).toEqual([1, 1, 1]);
    expect(seen).toEqual([1]);
    unobserve();
    one.log.append(draft("a", "2"));
    await store.flush();
    expect(seen).toEqual([1]);
    expect(store.durableGroup).toBe(2);
  });

  it("with a sync interval takes what the operating system has for durable, in the same pass", async () => {
    const phases = new Phases();
    const { store } = openStore(temporaryDirectory(), {
      syncIntervalMs: 60_000,
      schedule: (phase, work) => phases.add(phase, work),
    });
    const seen: number[] = [];
    store.observe({ onDurable: (group) => seen.push(group) });
    store.create("A", "ONE", "file").log.append(draft("a", "1"));
    phases.run();
    expect(seen).toEqual([1]);
    expect(store.durableGroup).toBe(store.lastGroup);
  });

  it("keeps streams in memory beside those on disk, and these are gone after a restart", async () => {
    const directory = temporaryDirectory();
    const first = openStore(directory).store;
    const memory = first.create("A", "FAST", "memory");
    memory.log.append(draft("a", "1"));
    expect(first.durableGroup).toBe(first.lastGroup);
    expect(memory.log.durableSeq).toBe(1);
    first.create("A", "SAFE", "file").log.append(draft("a", "1"));
    expect([...first.streams()].map(({ name }) => name)).toEqual(["FAST", "SAFE"]);
    await first.close();
    expect([...openStore(directory).store.streams()].map(({ name }) => name)).toEqual(["SAFE"]);
  });

  it("forgets a stream that is dropped, and its name can be used again", async () => {
    const directory = temporaryDirectory();
    const first = openStore(directory).store;
    const old = first.create("A", "S", "file");
    old.log.append(draft("a", "old"));
    old.putRecord("config", Buffer.from("old"));
    await first.flush();
    old.drop();
    expect([...first.streams()]).toEqual([]);
    first.create("A", "S", "file").log.append(draft("a", "new"));
    await first.close();
    const [stream] = [...openStore(directory).store.streams()];
    const into = new StoredMessage();
    expect(stream?.log.state).toMatchObject({ messages: 1, firstSeq: 1 });
    expect(stream?.log.read(1, into)).toBe(true);
    expect(into.payload.toString()).toBe("new");
    expect(stream?.record("config")).toBeNull();
  });

  it("takes groups larger than a segment", async () => {
    const directory = temporaryDirectory();
    const first = openStore(directory, { segmentBytes: 65_536 }).store;
    const stream = first.create("A", "S", "file");
    const large = Buffer.alloc(3_000_000, "L");
    for (let index = 0; index < 3; index++) {
      expect(first.refusal(large.length)).toBeNull();
      stream.log.append(draft("a", large));
    }
    await first.flush();
    expect(first.usage.diskBytes).toBeGreaterThan(9_000_000);
    await first.close();
    const [again] = [...openStore(directory).store.streams()];
    const into = new StoredMessage();
    expect(again?.log.read(3, into)).toBe(true);
    expect(into.payload.equals(large)).toBe(true);
  });

  it("is above its high-water mark while much is waiting, and says when it is not", async () => {
    const { store } = openStore(temporaryDirectory(), { outstandingBytesMax: 100_000 });
    const stream = store.create("A", "S", "file");
    for (let index = 0; index < 20; index++) stream.log.append(draft("a", Buffer.alloc(10_000)));
    expect(store.isAboveHighWaterMark).toBe(true);
    await new Promise<void>((resolve) => store.onDrain(resolve));
    expect(store.isAboveHighWaterMark).toBe(false);
    // Where it is below the mark at all times, it says so at the next opportunity.
    await new Promise<void>((resolve) => store.onDrain(resolve));
  });

  it("brings everything to LMDB when it closes, flushed before or not", async () => {
    const directory = temporaryDirectory();
    for (let round = 1; round <= 3; round++) {
      const { store } = openStore(directory);
      const stream = [...store.streams()][0] ?? store.create("A", "S", "file");
      expect(stream.log.state.lastSeq).toBe((round - 1) * 10);
      for (let index = 0; index < 10; index++) stream.log.append(draft("a", "x"));
      const flushed = handled(store.flush());
      await store.close();
      await flushed;
      await store.close();
    }
    expect(readdirSync(directory).sort()).toEqual(["streams.mdb", "streams.mdb-lock"]);
  });
});
