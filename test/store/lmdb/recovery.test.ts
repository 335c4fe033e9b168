import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { StoredMessage } from "../../../src/store/contract.ts";
import type { StreamStore } from "../../../src/store/contract.ts";
import { draft, openStore, temporaryDirectory } from "../../fixture/disk-store.ts";

function payloads(stream: StreamStore): string[] {
  const into = new StoredMessage();
  const found: string[] = [];
  for (let seq = stream.log.state.firstSeq; seq <= stream.log.state.lastSeq; seq++)
    if (stream.log.read(seq, into)) found.push(into.payload.toString());
  return found;
}

describe("a store on disk", () => {
  it("has after a restart what was decided before", async () => {
    const directory = temporaryDirectory();
    const first = openStore(directory).store;
    const stream = first.create("A", "ORDERS", "file");
    stream.putRecord("config", Buffer.from("{}"));
    for (let index = 1; index <= 100; index++)
      stream.log.append(draft(`orders.${index % 7}`, `message ${index}`));
    stream.appendToRecord("consumer", Buffer.from("ack 1"));
    stream.appendToRecord("consumer", Buffer.from("ack 2"));
    stream.log.remove(50);
    expect(first.durableGroup).toBeLessThan(first.lastGroup);
    await first.flush();
    expect(first.durableGroup).toBe(first.lastGroup);
    await first.close();
    expect(readdirSync(directory).filter((name) => name.startsWith("journal"))).toEqual([]);

    const second = openStore(directory).store;
    const [again] = [...second.streams()];
    expect(again?.name).toBe("ORDERS");
    expect(again?.account).toBe("A");
    expect(again?.log.state).toMatchObject({ messages: 99, firstSeq: 1, lastSeq: 100, subjectCount: 7 });
    expect(again === undefined ? [] : payloads(again)).toHaveLength(99);
    expect(again?.record("config")?.value.toString()).toBe("{}");
    expect(again?.record("consumer")?.changes.map(String)).toEqual(["ack 1", "ack 2"]);
    expect([...(again?.records("c") ?? [])].map(({ name }) => name)).toEqual(["config", "consumer"]);
  });
});
