/** A link that breaks while a stream is copied across it: nothing is missing afterwards, and nothing is there twice. */
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect } from "vitest";
import { startTcpProxy } from "../fixture/tcp-proxy.ts";
import { client } from "./leaf-fixture.ts";
import { peers, type PeerKind, startPeer } from "./peer.ts";
import { testWith } from "../fixture/needs.ts";
import { handled } from "../fixture/waiting.ts";

const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function streamsOf(domain: string): string {
  const folder = mkdtempSync(join(tmpdir(), "frond-copy-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return `server_name: ${domain}\njetstream { store_dir: ${JSON.stringify(folder)}, domain: ${domain} }\n`;
}

type Manager = Awaited<ReturnType<typeof jetstreamManager>>;

/** Every payload in its order. */
async function payloads(manager: Manager, name: string): Promise<string[]> {
  const { state } = await manager.streams.info(name);
  const found: string[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++)
    found.push((await manager.streams.getMessage(name, { seq }))?.string() ?? "");
  return found;
}

const ways: readonly { edge: PeerKind; hub: PeerKind }[] = [
  { edge: "frond", hub: "nats-server" },
  { edge: "nats-server", hub: "frond" },
  { edge: "frond", hub: "frond" },
];

for (const { edge, hub } of ways) {
  testWith(
    peers(edge, hub),
    `edge ${edge}, hub ${hub}: the hub gathers what the edge kept while it was away`,
    async () => {
      const far = await startPeer(hub, `${streamsOf("hub")}leafnodes { listen: "127.0.0.1:-1" }`);
      cleanups.push(async () => far.stop());
      const proxy = await startTcpProxy(far.leafPort);
      cleanups.push(async () => proxy.close());
      const remotes = `leafnodes { reconnect: "1s", remotes: [{ url: "nats-leaf://127.0.0.1:${proxy.port}" }] }`;
      const near = await startPeer(edge, `${streamsOf("edge")}${remotes}`);
      cleanups.push(async () => near.stop());
      const nearClient = await client(near.url);
      const farClient = await client(far.url);
      cleanups.push(async () => nearClient.close());
      cleanups.push(async () => farClient.close());
      const at = { near: await jetstreamManager(nearClient), far: await jetstreamManager(farClient) };
      const publisher = jetstream(nearClient);
      await at.near.streams.add({ name: "LOG", subjects: ["log"] });
      await at.near.streams.add({ name: "QUEUE", subjects: ["queue"], retention: "workqueue" });
      const external = { api: "$JS.edge.API", deliver: "" };
      await at.far.streams.add({ name: "MIRROR", mirror: { name: "LOG", external } });
      await at.far.streams.add({
        name: "ALL",
        sources: [
          { name: "LOG", external },
          { name: "QUEUE", external },
        ],
      });
      let count = 0;
      const publish = async (times: number): Promise<void> => {
        for (let left = times; left > 0; left--) {
          count++;
          await Promise.all([publisher.publish("log", `l${count}`), publisher.publish("queue", `q${count}`)]);
        }
      };
      await publish(100);
      await sleep(300);
      const publishing = handled(publish(400));
      await sleep(30);
      proxy.cut();
      await publishing;
      proxy.refuse(true);
      await publish(100);
      await sleep(1_500);
      proxy.refuse(false);
      await publish(100);
      for (let attempt = 0; attempt < 500; attempt++) {
        const mirror = await at.far.streams.info("MIRROR");
        const all = await at.far.streams.info("ALL");
        if (mirror.state.messages >= count && all.state.messages >= 2 * count) break;
        await sleep(100);
      }
      await sleep(300);
      const wanted = Array.from({ length: count }, (_, index) => index + 1);
      expect(await payloads(at.far, "MIRROR")).toEqual(wanted.map((one) => `l${one}`));
      const all = await payloads(at.far, "ALL");
      expect(all.filter((one) => one.startsWith("l"))).toEqual(wanted.map((one) => `l${one}`));
      expect(all.filter((one) => one.startsWith("q"))).toEqual(wanted.map((one) => `q${one}`));
      for (let attempt = 0; attempt < 100; attempt++) {
        if ((await at.near.streams.info("QUEUE")).state.messages === 0) break;
        await sleep(50);
      }
      expect((await at.near.streams.info("QUEUE")).state.messages).toBe(0);
    },
  );
}
