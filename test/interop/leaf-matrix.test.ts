/** Every kind of hub with every kind of leaf over every carrier: what crosses a link, in both directions. */
import { headers, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cells, hubConfigs, leafConfig } from "./leaf-cells.ts";
import { client, synced } from "./leaf-fixture.ts";
import { peers, startPeer, type Peer, type PeerKind } from "./peer.ts";
import { eventually, patienceMs } from "../fixture/waiting.ts";
import { describeWith } from "../fixture/needs.ts";

for (const { hub, leaf, carrier } of cells)
  describeWith(peers(hub, leaf), `hub ${hub}, leaf ${leaf}, over ${carrier}`, () =>
    testCell(hub, leaf, carrier),
  );

function testCell(hub: PeerKind, leaf: PeerKind, carrier: (typeof cells)[number]["carrier"]): void {
  const started: Peer[] = [];
  let atHub: NatsConnection;
  let atLeaf: NatsConnection;

  beforeAll(async () => {
    started.push(await startPeer(hub, hubConfigs[carrier]));
    started.push(await startPeer(leaf, leafConfig(carrier, started[0] as Peer)));
    atHub = await client((started[0] as Peer).url);
    atLeaf = await client((started[1] as Peer).url);
    await synced(atHub, atLeaf);
    await synced(atLeaf, atHub);
  });

  afterAll(async () => {
    await atHub?.close();
    await atLeaf?.close();
    for (const peer of started.reverse()) await peer.stop();
  });

  const directions = ["down", "up"] as const;
  const ends = (direction: "down" | "up"): { speaker: NatsConnection; listener: NatsConnection } =>
    direction === "down" ? { speaker: atHub, listener: atLeaf } : { speaker: atLeaf, listener: atHub };

  test.each(directions)("publish and wildcards, %s", async (direction) => {
    const { speaker, listener } = ends(direction);
    const received: string[] = [];
    const note = (_error: Error | null, message: Msg): void =>
      void received.push(`${message.subject} ${message.string()}`);
    const subscriptions = [
      listener.subscribe("plain", { callback: note }),
      listener.subscribe("star.*.x", { callback: note }),
      listener.subscribe("rest.>", { callback: note }),
    ];
    await synced(speaker, listener);
    speaker.publish("plain", "1");
    speaker.publish("star.a.x", "2");
    speaker.publish("star.a.y", "no");
    speaker.publish("rest.a.b", "3");
    speaker.publish("rest", "no");
    speaker.publish("plain", "");
    await eventually(() => received.length === 4, "all have come");
    await sleep(20);
    expect(received).toEqual(["plain 1", "star.a.x 2", "rest.a.b 3", "plain "]);
    for (const subscription of subscriptions) subscription.unsubscribe();
  });

  test.each(directions)("one member of a queue group, those at home first, %s", async (direction) => {
    const { speaker, listener } = ends(direction);
    const counts = { far: 0, farPlain: 0, near: 0 };
    const far = [1, 2].map(() =>
      listener.subscribe("work", { queue: "q", callback: () => void counts.far++ }),
    );
    const plain = listener.subscribe("work", { callback: () => void counts.farPlain++ });
    await synced(speaker, listener);
    for (let at = 0; at < 20; at++) speaker.publish("work", "x");
    await eventually(() => counts.farPlain === 20 && counts.far === 20, "each has come once");
    const near = speaker.subscribe("work", { queue: "q", callback: () => void counts.near++ });
    await speaker.flush();
    for (let at = 0; at < 20; at++) speaker.publish("work", "x");
    await eventually(() => counts.farPlain === 40 && counts.near === 20, "those at home have them");
    await sleep(20);
    expect(counts).toEqual({ far: 20, farPlain: 40, near: 20 });
    for (const subscription of [...far, plain, near]) subscription.unsubscribe();
  });

  test.each(directions)("request and reply, %s", async (direction) => {
    const { speaker, listener } = ends(direction);
    const service = listener.subscribe("service", {
      queue: "q",
      callback: (_error, message) => void message.respond(`to ${message.string()}`),
    });
    await synced(speaker, listener);
    for (let at = 0; at < 10; at++)
      expect((await speaker.request("service", `${at}`, { timeout: patienceMs })).string()).toBe(`to ${at}`);
    service.unsubscribe();
  });

  test.each(directions)("nobody answers, %s", async (direction) => {
    const { speaker } = ends(direction);
    await expect(speaker.request("nobody.there", "", { timeout: patienceMs })).rejects.toThrow(
      /no responders/i,
    );
  });

  test.each(directions)("headers, %s", async (direction) => {
    const { speaker, listener } = ends(direction);
    const received: Msg[] = [];
    const subscription = listener.subscribe("headed", {
      callback: (_error, message) => void received.push(message),
    });
    await synced(speaker, listener);
    const sent = headers();
    sent.set("Colour", "blue");
    sent.append("Colour", "green");
    speaker.publish("headed", "body", { headers: sent });
    speaker.publish("headed", "", { headers: sent, reply: "somewhere" });
    await eventually(() => received.length === 2, "both have come");
    expect(received[0]?.headers?.values("Colour")).toEqual(["blue", "green"]);
    expect(received[0]?.string()).toBe("body");
    expect(received[1]?.reply).toBe("somewhere");
    subscription.unsubscribe();
  });

  test.each(directions)("a megabyte, %s", async (direction) => {
    const { speaker, listener } = ends(direction);
    const received: Uint8Array[] = [];
    const subscription = listener.subscribe("large", {
      callback: (_error, message) => void received.push(message.data),
    });
    await synced(speaker, listener);
    const payload = Buffer.alloc(1024 * 1024);
    for (let at = 0; at < payload.length; at++) payload[at] = at * 7 + (at >> 11);
    for (let at = 0; at < 3; at++) speaker.publish("large", payload);
    await eventually(() => received.length === 3, "all have come");
    for (const data of received) expect(payload.equals(data)).toBe(true);
    subscription.unsubscribe();
  });
}
