import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { connectPeer, jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fresh } from "../../fixture/jetstream-wire.ts";
import { connectRaw } from "../../fixture/raw-client.ts";
import { valueOf } from "../kv/entries.ts";
import { patienceMs } from "../../fixture/waiting.ts";

// A broker whose JetStream has a name of its own, so that others behind a leaf link can be told from it.

const broker = jetStreamBroker({ jetstream: "domain: hub" });

describe.each(jetStreamLibraries)("domain, $name", (library) => {
  const peer = peerOf(broker, library);

  test("it is said where it belongs", async () => {
    const { wire, jsm } = peer();
    const name = fresh();
    const made = await wire.stream(name);
    expect(made["domain"]).toBeUndefined();
    expect(await wire.publish(`${name}.a`, "x", { "Nats-Msg-Id": "x" })).toBe(
      `{"stream":"${name}","domain":"hub","seq":1}`,
    );
    expect(await wire.publish(`${name}.a`, "x", { "Nats-Msg-Id": "x" })).toBe(
      `{"stream":"${name}","domain":"hub","seq":1,"duplicate": true}`,
    );
    expect((await wire.api(`STREAM.INFO.${name}`))["domain"]).toBe("hub");
    expect((await jsm.getAccountInfo()).domain).toBe("hub");
    const raw = await connectRaw(broker.process.port);
    const info = JSON.parse((await raw.line()).slice(5)) as Record<string, unknown>;
    raw.close();
    expect(info).toMatchObject({ jetstream: true, domain: "hub" });
    expect(info["api_lvl"]).toBeGreaterThanOrEqual(4);
  });

  test("advisories say it", async () => {
    const { wire } = peer();
    const name = fresh();
    const inbox = await wire.listen(`$JS.EVENT.ADVISORY.STREAM.CREATED.${name}`);
    await wire.stream(name);
    expect((await inbox.next()).json()).toMatchObject({ stream: name, domain: "hub" });
    inbox.close();
  });

  test("the API answers under it, whole", async () => {
    const { nc } = peer();
    const name = fresh();
    const jsm = await library.manager(nc, { domain: "hub" });
    const js = library.client(nc, { domain: "hub" });
    await jsm.streams.add({ name, subjects: [`${name}.>`], allow_direct: true });
    await js.publish(`${name}.a`, "1");
    await js.publish(`${name}.a`, "2");
    await jsm.consumers.add(name, { durable_name: "c", ack_policy: "explicit" });
    const consumer = await js.consumers.get(name, "c");
    const message = await consumer.next({ expires: patienceMs });
    expect(message?.string()).toBe("1");
    expect(await message?.ackAck()).toBe(true);
    expect((await jsm.direct.getMessage(name, { seq: 2 }))?.string()).toBe("2");
    expect((await jsm.streams.getMessage(name, { last_by_subj: `${name}.a` }))?.seq).toBe(2);
    const fetched: string[] = [];
    for await (const more of await consumer.fetch({ max_messages: 1, expires: patienceMs }))
      fetched.push(more.string());
    expect(fetched).toEqual(["2"]);
    expect(await jsm.streams.names().next()).toContain(name);
    expect(await jsm.streams.delete(name)).toBe(true);
  });

  test("under another name nobody answers", async () => {
    const { nc } = peer();
    await expect(nc.request("$JS.other.API.INFO", "", { timeout: 300 })).rejects.toThrow();
    await expect(library.manager(nc, { domain: "other", timeout: 300 })).rejects.toThrow();
  });

  test("a library that knows the domain keeps buckets in it", async () => {
    const other = await connectPeer(broker, library);
    try {
      const bucket = fresh("B");
      const kv = await library.createBucket(other.nc, bucket);
      await kv.put("a", "1");
      // What a bucket behind a link is written through.
      const ack = await other.nc.request(`$JS.hub.API.$KV.${bucket}.a`, "2");
      expect(ack.string()).toBe(`{"stream":"KV_${bucket}","domain":"hub","seq":2}`);
      expect(valueOf(await kv.get("a"))).toBe("2");
    } finally {
      await other.nc.close();
    }
  });
});
