import { expect, test } from "vitest";
import { Phases } from "../../../src/base/phases.ts";
import type { StreamStore } from "../../../src/store/contract.ts";
import { MemoryStore } from "../../../src/store/memory/memory-store.ts";

function openStore(): { store: MemoryStore; endPass: () => void; groups: number[] } {
  const phases = new Phases();
  const groups: number[] = [];
  const store = new MemoryStore((phase, work) => phases.add(phase, work));
  store.observe({ onDurable: (group) => groups.push(group) });
  return { store, groups, endPass: () => phases.run() };
}

function appendTo(stream: StreamStore): number {
  const bytes = Buffer.from("body");
  const place = { bytes, bodyStart: 0, bodyEnd: 4, headerBytes: 0, timeMs: 1, timeNs: 0, seq: 0 };
  return stream.log.append({ subject: "a", ...place, messageId: null, expiresMs: 0, wakesMs: 0 });
}

test("a group is all of a pass, and durable at its end", async () => {
  const { store, endPass, groups } = openStore();
  expect([store.lastGroup, store.durableGroup]).toEqual([0, 0]);
  const stream = store.create("$G", "S", "memory");
  appendTo(stream);
  appendTo(stream);
  expect([store.lastGroup, store.durableGroup, stream.log.durableSeq]).toEqual([1, 0, 0]);
  let isFlushed = false;
  const flushed = store.flush().then(() => (isFlushed = true));
  await Promise.resolve();
  expect(isFlushed).toBe(false);
  endPass();
  await flushed;
  expect([store.lastGroup, store.durableGroup, stream.log.durableSeq]).toEqual([1, 1, 2]);
  stream.putRecord("config", Buffer.from("x"));
  expect([store.lastGroup, store.durableGroup]).toEqual([2, 1]);
  endPass();
  expect(groups).toEqual([1, 2]);
  await store.flush();
  expect(store.usage.memoryBytes).toBeGreaterThan(0);
});

test("what an observer decides is another group", () => {
  const { store, endPass, groups } = openStore();
  const stream = store.create("$G", "S", "memory");
  const seen: number[] = [];
  store.observe({
    onDurable: (group) => {
      if (group === 1) appendTo(stream);
      seen.push(store.lastGroup, store.durableGroup);
    },
  });
  endPass();
  expect(seen).toEqual([2, 1, 2, 2]);
  expect(groups).toEqual([1, 2]);
});

test("records: a value and the changes behind it", () => {
  const { store } = openStore();
  const stream = store.create("$G", "S", "memory");
  const value = Buffer.from("one");
  stream.putRecord("consumer/b", value);
  value.fill(0);
  stream.appendToRecord("consumer/b", Buffer.from("1"));
  stream.appendToRecord("consumer/b", Buffer.from("2"));
  stream.putRecord("consumer/a", Buffer.from("two"));
  stream.putRecord("config", Buffer.from("three"));
  expect(stream.record("consumer/b")?.value.toString()).toBe("one");
  expect(stream.record("consumer/b")?.changes.map(String)).toEqual(["1", "2"]);
  expect([...stream.records("consumer/")].map(({ name }) => name)).toEqual(["consumer/a", "consumer/b"]);
  stream.putRecord("consumer/b", Buffer.from("four"));
  expect(stream.record("consumer/b")?.changes).toEqual([]);
  stream.removeRecord("consumer/b");
  expect(stream.record("consumer/b")).toBeNull();
});

test("a stream goes with all it has, and its name is free again", () => {
  const { store } = openStore();
  const stream = store.create("$G", "S", "memory");
  store.create("A", "S", "memory");
  appendTo(stream);
  stream.drop();
  expect([...store.streams()].map(({ account }) => account)).toEqual(["A"]);
  expect(store.create("$G", "S", "file").log.state.messages).toBe(0);
  expect(() => store.create("A", "S", "memory")).toThrow("a stream is created once");
});
