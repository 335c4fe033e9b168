import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fresh, masked } from "../../fixture/jetstream-wire.ts";
import { patienceMs } from "../../fixture/waiting.ts";

// Consumers that are held for a while, and consumers that begin anew.

const broker = jetStreamBroker();
const ms = 1_000_000;

describe.concurrent("pause", () => {
  const peer = peerOf(broker, modernJetStream);

  async function filled(config: object = {}): Promise<string> {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { storage: "memory" });
    await wire.fill(`${name}.a`, `${name}.a`, `${name}.a`);
    await wire.consumer(name, "c", config);
    return name;
  }

  test("nothing comes until it is over", async () => {
    const { wire, jsm } = peer();
    const name = await filled();
    const until = new Date(Date.now() + 600);
    expect(await jsm.consumers.pause(name, "c", until)).toMatchObject({ paused: true });
    const info = await jsm.consumers.info(name, "c");
    expect(info.paused).toBe(true);
    expect(info.pause_remaining).toBeGreaterThan(0);
    expect(info.config.pause_until).toBe(until.toISOString().replace(/0+Z$/, "Z").replace(".Z", "Z"));
    const inbox = await wire.pull(name, "c", { batch: 3, expires: patienceMs * ms });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(inbox.rest()).toEqual([]);
    expect(await inbox.take(3)).toEqual(["1", "2", "3"].map((text) => `${name}.a ${text}`));
    expect(Date.now()).toBeGreaterThanOrEqual(until.getTime() - 5);
    expect((await jsm.consumers.info(name, "c")).paused ?? false).toBe(false);
    inbox.close();
  });

  test("it can be ended", async () => {
    const { wire, jsm } = peer();
    const name = await filled();
    await jsm.consumers.pause(name, "c", new Date(Date.now() + 600_000));
    expect(await jsm.consumers.resume(name, "c")).toMatchObject({ paused: false });
    const inbox = await wire.pull(name, "c", { batch: 1, expires: patienceMs * ms });
    expect(await inbox.take(1)).toEqual([`${name}.a 1`]);
    inbox.close();
  });

  test("requests end and are kept alive meanwhile", async () => {
    const { wire, jsm } = peer();
    const name = await filled();
    await jsm.consumers.pause(name, "c", new Date(Date.now() + 600_000));
    const inbox = await wire.pull(name, "c", { batch: 1, expires: 600 * ms, idle_heartbeat: 250 * ms });
    expect((await inbox.take(1))[0]).toMatch(/^100 Idle Heartbeat/);
    let [last] = await inbox.take(1);
    while (last?.startsWith("100")) [last] = await inbox.take(1);
    expect(last).toBe("408 Request Timeout Nats-Pending-Messages=1 Nats-Pending-Bytes=0");
    inbox.close();
  });

  test("a push consumer pauses too", async () => {
    const { wire, jsm } = peer();
    const name = fresh();
    await wire.stream(name, { storage: "memory" });
    const inbox = await wire.listen(`deliver.${name}`);
    const pause_until = new Date(Date.now() + 500).toISOString();
    const config = { deliver_subject: `deliver.${name}`, idle_heartbeat: 200 * ms, pause_until };
    expect(await wire.consumer(name, "p", config)).toMatchObject({ paused: true });
    await wire.fill(`${name}.a`);
    expect((await inbox.take(1))[0]).toMatch(/^100 Idle Heartbeat/);
    let [next] = await inbox.take(1);
    while (next?.startsWith("100")) [next] = await inbox.take(1);
    expect(next).toBe(`${name}.a 1`);
    expect((await jsm.consumers.info(name, "p")).paused ?? false).toBe(false);
    inbox.close();
  });

  test("requests and answers", async () => {
    const { wire } = peer();
    const name = await filled();
    const pause = async (body: unknown, consumer = "c") =>
      masked(await wire.text(`CONSUMER.PAUSE.${name}.${consumer}`, body)).replace(
        /"pause_remaining":\d+/,
        '"pause_remaining":1',
      );
    expect(
      [
        await pause({ pause_until: "2100-01-01T00:00:00Z" }),
        await pause(""),
        await pause({ pause_until: "2020-01-01T00:00:00Z" }),
        await pause({}),
        await pause({ pause_until: "later" }),
        await pause({ until: "2100-01-01T00:00:00Z" }),
        await pause({}, "none"),
      ].join(" | "),
    ).toBe(
      '{"type":"io.nats.jetstream.api.v1.consumer_pause_response","paused":true,"pause_until":"<time>","pause_remaining":1} | {"type":"io.nats.jetstream.api.v1.consumer_pause_response","paused":false,"pause_until":"0001-01-01T00:00:00Z"} | {"type":"io.nats.jetstream.api.v1.consumer_pause_response","paused":false,"pause_until":"<time>"} | {"type":"io.nats.jetstream.api.v1.consumer_pause_response","paused":false,"pause_until":"0001-01-01T00:00:00Z"} | {"type":"io.nats.jetstream.api.v1.consumer_pause_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: parsing time \\"later\\" as \\"2006-01-02T15:04:05Z07:00\\": cannot parse \\"later\\" as \\"2006\\""},"paused":false,"pause_until":"0001-01-01T00:00:00Z"} | {"type":"io.nats.jetstream.api.v1.consumer_pause_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: json: unknown field \\"until\\""},"paused":false,"pause_until":"0001-01-01T00:00:00Z"} | {"type":"io.nats.jetstream.api.v1.consumer_pause_response","error":{"code":404,"err_code":10014,"description":"consumer not found"},"paused":false,"pause_until":"0001-01-01T00:00:00Z"}',
    );
  });

  test("it is told of", async () => {
    const { wire, jsm } = peer();
    const name = await filled();
    const events = await wire.listen(`$JS.EVENT.ADVISORY.CONSUMER.PAUSE.${name}.c`);
    await jsm.consumers.pause(name, "c", new Date("2100-01-01T00:00:00Z"));
    await wire.api(`CONSUMER.PAUSE.${name}.c`);
    const found = [await events.next(), await events.next()].map((message) => {
      const { id: _id, timestamp: _timestamp, ...rest } = message.json<Record<string, unknown>>();
      return rest;
    });
    const common = { type: "io.nats.jetstream.advisory.v1.consumer_pause", stream: name, consumer: "c" };
    expect(found).toEqual([
      { ...common, paused: true, pause_until: "2100-01-01T00:00:00Z" },
      { ...common, paused: false, pause_until: "0001-01-01T00:00:00Z" },
    ]);
    events.close();
  });

  test("it is told of when a consumer begins with it, and not where nothing changes", async () => {
    const { wire } = peer();
    const name = await filled();
    const events = await wire.listen(`$JS.EVENT.ADVISORY.CONSUMER.PAUSE.${name}.*`);
    await wire.api(`CONSUMER.PAUSE.${name}.c`, {});
    await wire.consumer(name, "old", { pause_until: "2020-01-01T00:00:00Z" });
    await wire.consumer(name, "later", { pause_until: "2100-01-01T00:00:00Z" });
    await wire.consumer(name, "later", { pause_until: "2100-01-01T00:00:00Z", description: "text" });
    const found = [await events.next(), await events.next()].map((message) => {
      const { consumer, paused } = message.json<Record<string, unknown>>();
      return { consumer, paused };
    });
    expect(found).toEqual([
      { consumer: "later", paused: true },
      { consumer: "later", paused: true },
    ]);
    events.close();
  });

  test("it needs a later level of the API", async () => {
    const { wire } = peer();
    const name = await filled();
    const level = async (): Promise<unknown> => {
      const { config } = await wire.api(`CONSUMER.INFO.${name}.c`);
      return (config as { metadata: Record<string, string> }).metadata["_nats.req.level"];
    };
    await wire.api(`CONSUMER.PAUSE.${name}.c`, { pause_until: "2100-01-01T00:00:00Z" });
    expect(await level()).toBe("1");
    await wire.api(`CONSUMER.PAUSE.${name}.c`);
    expect(await level()).toBe("0");
  });
});
