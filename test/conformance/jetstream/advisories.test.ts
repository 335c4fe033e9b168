import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { type Inbox, fresh } from "../../fixture/jetstream-wire.ts";
import { handled } from "../../fixture/waiting.ts";

// What the broker tells of what it does. Those of consumers and their messages are beside what causes them.

const broker = jetStreamBroker();

describe("advisories", () => {
  const peer = peerOf(broker, modernJetStream, { name: "teller" });

  /** The next advisory, without its id and time, which are looked at. */
  async function told(inbox: Inbox): Promise<Record<string, unknown>> {
    const message = await inbox.next();
    const { id, timestamp, ...rest } = message.json<Record<string, unknown>>();
    expect(String(id)).toMatch(/^[0-9A-Za-z]{22}$/);
    expect(Math.abs(Date.parse(String(timestamp)) - Date.now())).toBeLessThan(60_000);
    return rest;
  }

  test("of streams", async () => {
    const { wire } = peer();
    const name = fresh();
    const inbox = await wire.listen(`$JS.EVENT.ADVISORY.STREAM.*.${name}`);
    await wire.stream(name);
    await wire.api(`STREAM.UPDATE.${name}`, { name, subjects: [`${name}.a`] });
    await wire.api(`STREAM.DELETE.${name}`);
    const common = { type: "io.nats.jetstream.advisory.v1.stream_action", stream: name };
    expect([await told(inbox), await told(inbox), await told(inbox)]).toEqual([
      { ...common, action: "create" },
      { ...common, action: "modify" },
      { ...common, action: "delete" },
    ]);
    expect(inbox.messages.map((message) => message.subject)).toEqual(
      ["CREATED", "UPDATED", "DELETED"].map((what) => `$JS.EVENT.ADVISORY.STREAM.${what}.${name}`),
    );
    inbox.close();
  });

  test("of consumers", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name);
    const inbox = await wire.listen(`$JS.EVENT.ADVISORY.CONSUMER.*.${name}.*`);
    await wire.consumer(name, "c");
    await wire.api(`CONSUMER.DELETE.${name}.c`);
    const common = { type: "io.nats.jetstream.advisory.v1.consumer_action", stream: name, consumer: "c" };
    expect([await told(inbox), await told(inbox)]).toEqual([
      { ...common, action: "create" },
      { ...common, action: "delete" },
    ]);
    inbox.close();
  });

  test("of consumers that go with their stream", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name);
    await wire.consumer(name, "a");
    await wire.consumer(name, "b", { ack_policy: "none" });
    const inbox = await wire.listen(`$JS.EVENT.ADVISORY.CONSUMER.DELETED.${name}.*`);
    await wire.api(`STREAM.DELETE.${name}`);
    const consumers = [await told(inbox), await told(inbox)].map(({ consumer }) => consumer);
    expect(new Set(consumers)).toEqual(new Set(["a", "b"]));
    inbox.close();
  });

  test("of each request", async () => {
    const { wire } = peer();
    const name = fresh();
    const inbox = await wire.listen("$JS.EVENT.ADVISORY.API");
    const made = await wire.text(`STREAM.CREATE.${name}`, { name });
    const refused = await wire.text("STREAM.INFO.none", "");
    // One may overtake the other.
    const [one, other] = [await told(inbox), await told(inbox)];
    const [first, second] = one["subject"] === "$JS.API.STREAM.INFO.none" ? [other, one] : [one, other];
    const { client, server, request, response, ...rest } = first;
    expect(rest).toEqual({
      type: "io.nats.jetstream.advisory.v1.api_audit",
      subject: `$JS.API.STREAM.CREATE.${name}`,
    });
    expect(server).toBe("js-test");
    expect(request).toBe(JSON.stringify({ name }));
    expect(JSON.parse(String(response)) as unknown).toMatchObject({
      type: "io.nats.jetstream.api.v1.stream_create_response",
      config: { name },
    });
    expect(made).toContain(name);
    expect(client).toMatchObject({
      acc: "$G",
      name: "teller",
      lang: "nats.js",
      kind: "Client",
      client_type: "nats",
    });
    expect(second["subject"]).toBe("$JS.API.STREAM.INFO.none");
    expect(second["request"]).toBeUndefined();
    expect(second["response"]).toBe(refused);
    inbox.close();
  });

  test("a request without a reply is done and told of", async () => {
    const { wire, nc } = peer();
    const name = fresh();
    const inbox = await wire.listen("$JS.EVENT.ADVISORY.API");
    nc.publish(`$JS.API.STREAM.CREATE.${name}`, JSON.stringify({ name }));
    expect((await told(inbox))["subject"]).toBe(`$JS.API.STREAM.CREATE.${name}`);
    inbox.close();
    expect(await wire.outcome(`STREAM.INFO.${name}`)).toBe("ok");
  });

  test("through the library", async () => {
    const { jsm, wire } = peer();
    const name = fresh();
    const iterator = jsm.advisories()[Symbol.asyncIterator]();
    const first = handled(iterator.next());
    await wire.nc.flush();
    await wire.stream(name);
    const { value } = (await first) as { value: { kind: string; data: { stream?: string } } };
    expect(["stream_action", "api_audit"]).toContain(value.kind);
    await iterator.return?.();
  });
});
