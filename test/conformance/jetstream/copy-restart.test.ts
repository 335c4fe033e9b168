import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { connectPeer, jetStreamLibraries, type Peer } from "../../fixture/jetstream-libraries.ts";
import { becomes, fresh } from "../../fixture/jetstream-wire.ts";

// Copies on a broker that is killed while it copies.

const broker = jetStreamBroker();
const [library] = jetStreamLibraries;

describe("copies and a broker that is killed", () => {
  if (library === undefined) throw new Error("no library");
  let peer: Peer;

  async function reconnect(): Promise<void> {
    await peer?.nc.close();
    peer = await connectPeer(broker, library as NonNullable<typeof library>, {});
  }

  async function payloads(name: string): Promise<string[]> {
    const { jsm } = peer;
    const { state } = await jsm.streams.info(name);
    const found: string[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++)
      found.push((await jsm.streams.getMessage(name, { seq }))?.string() ?? "");
    return found;
  }

  test("nothing is missing, and nothing is there twice", async () => {
    const [log, queue, mirror, all] = [fresh("LOG"), fresh("QUEUE"), fresh("MIRROR"), fresh("ALL")];
    await reconnect();
    await peer.jsm.streams.add({ name: log, subjects: [log] });
    await peer.jsm.streams.add({ name: queue, subjects: [queue], retention: "workqueue" });
    await peer.jsm.streams.add({ name: mirror, mirror: { name: log } });
    await peer.jsm.streams.add({ name: all, sources: [{ name: log }, { name: queue }] });
    const acknowledged: string[] = [];
    for (let round = 0; round < 3; round++) {
      const { js } = peer;
      const sent: Promise<unknown>[] = [];
      for (let count = 0; count < 120; count++) {
        for (const subject of [log, queue]) {
          const text = `${subject} ${round} ${count}`;
          sent.push(
            js.publish(subject, text).then(
              () => acknowledged.push(text),
              () => {},
            ),
          );
        }
      }
      await Promise.race([Promise.all(sent), new Promise((resolve) => setTimeout(resolve, 40 + 30 * round))]);
      await broker.restart();
      await reconnect();
      await Promise.all(sent);
    }
    const { jsm } = peer;
    const stored = await payloads(log);
    await becomes(async () => (await jsm.streams.info(mirror)).state.messages, stored.length);
    await becomes(async () => (await jsm.streams.info(queue)).state.messages, 0);
    expect(await payloads(mirror)).toEqual(stored);
    const gathered = await payloads(all);
    expect(new Set(gathered).size).toBe(gathered.length);
    expect(gathered.filter((text) => text.startsWith(log))).toEqual(stored);
    expect(acknowledged.filter((text) => !gathered.includes(text))).toEqual([]);
    await peer.nc.close();
  });
});
