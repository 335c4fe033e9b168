import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { apiErrorOf, modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { becomes, fieldsOf, fresh, shown } from "../../fixture/jetstream-wire.ts";
import { patienceMs } from "../../fixture/waiting.ts";

// Pull requests that do not all count the same.

const broker = jetStreamBroker();
const ms = 1_000_000;

describe.concurrent("priority groups", () => {
  const peer = peerOf(broker, modernJetStream);

  async function grouped(count: number, policy: string, config: object = {}): Promise<string> {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { storage: "memory" });
    await wire.fill(...Array<string>(count).fill(`${name}.a`));
    await wire.consumer(name, "c", { priority_groups: ["g"], priority_policy: policy, ...config });
    return name;
  }

  const expires = 600 * ms;
  /** The policy, the body of a request with three messages there, what comes. */
  const requests: [string, string, unknown, string][] = [
    ["overflow with no group", "overflow", { batch: 1, expires }, "400 Bad Request - Priority Group missing"],
    [
      "overflow with another group",
      "overflow",
      { batch: 1, expires, group: "h" },
      "400 Bad Request - Invalid Priority Group",
    ],
    ["overflow with the group alone", "overflow", { batch: 1, expires, group: "g" }, "S.a 1"],
    ["overflow with enough pending", "overflow", { batch: 1, expires, group: "g", min_pending: 3 }, "S.a 1"],
    [
      "overflow with too little pending",
      "overflow",
      { batch: 1, expires, group: "g", min_pending: 4 },
      "408 Request Timeout Nats-Pending-Messages=1 Nats-Pending-Bytes=0",
    ],
    [
      "overflow with too little outstanding",
      "overflow",
      { batch: 1, expires, group: "g", min_ack_pending: 1 },
      "408 Request Timeout Nats-Pending-Messages=1 Nats-Pending-Bytes=0",
    ],
    [
      "overflow with one of both",
      "overflow",
      { batch: 1, expires, group: "g", min_pending: 2, min_ack_pending: 9 },
      "S.a 1",
    ],
    ["overflow and an empty body", "overflow", "", "S.a 1"],
    ["overflow and a number", "overflow", "2", "S.a 1 | S.a 2"],
    [
      "overflow with an id",
      "overflow",
      { batch: 1, expires, group: "g", id: "x" },
      "400 Bad Request - Not a Pinned Client Priority consumer",
    ],
    [
      "a pin with no group",
      "pinned_client",
      { batch: 1, expires },
      "400 Bad Request - Priority Group missing",
    ],
    [
      "a pin with an id that is not known",
      "pinned_client",
      { batch: 1, expires, group: "g", id: "x" },
      "423 Nats-Wrong-Pin-Id Nats-Pending-Messages=1 Nats-Pending-Bytes=0",
    ],
    [
      "a pin with a minimum",
      "pinned_client",
      { batch: 1, expires, group: "g", min_pending: 1 },
      "400 Bad Request - Not a Overflow Priority consumer",
    ],
    ["a priority", "prioritized", { batch: 1, expires, group: "g", priority: 3 }, "S.a 1"],
    ["no priority", "prioritized", { batch: 1, expires, group: "g" }, "S.a 1"],
    [
      "a priority beyond all",
      "prioritized",
      { batch: 1, expires, group: "g", priority: 10 },
      "400 Bad Request - Priority must be between 0 and 9",
    ],
    [
      "a negative priority",
      "prioritized",
      { batch: 1, expires, group: "g", priority: -1 },
      "400 Bad Request - Priority must be between 0 and 9",
    ],
  ];

  test.each(requests)("%s", async (_title, policy, body, expected) => {
    const { wire } = peer();
    const name = await grouped(3, policy);
    const inbox = await wire.pull(name, "c", body);
    const heard = () => inbox.messages.map((message) => shown(message).replaceAll(name, "S")).join(" | ");
    await becomes(heard, expected);
    inbox.close();
  });

  test("overflow: a request takes part as soon as enough is pending", async () => {
    const { wire } = peer();
    const name = await grouped(0, "overflow");
    const inbox = await wire.pull(name, "c", {
      batch: 2,
      expires: patienceMs * ms,
      group: "g",
      min_pending: 3,
    });
    await wire.fill(`${name}.a`, `${name}.a`);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(inbox.rest()).toEqual([]);
    await wire.fill(`${name}.a`);
    expect(await inbox.take(1)).toEqual([`${name}.a 1`]);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(inbox.rest()).toEqual([]);
    inbox.close();
  });

  test("pinned: one is served, the next when it goes away", async () => {
    const { wire, jsm } = peer();
    const name = await grouped(0, "pinned_client", { priority_timeout: 700 * ms });
    const events = await wire.listen(`$JS.EVENT.ADVISORY.CONSUMER.*.${name}.c`);
    const first = await wire.pull(name, "c", { batch: 2, expires: 400 * ms, group: "g" });
    const second = await wire.pull(name, "c", { batch: 10, expires: patienceMs * ms, group: "g" });
    await wire.fill(`${name}.a`, `${name}.a`, `${name}.a`);
    const messages = [await first.next(), await first.next()];
    const id = fieldsOf(messages[0])["Nats-Pin-Id"] ?? "";
    expect(id.length).toBeGreaterThan(0);
    expect(fieldsOf(messages[1])["Nats-Pin-Id"]).toBe(id);
    expect(second.rest()).toEqual([]);
    const { priority_groups } = (await wire.api(`CONSUMER.INFO.${name}.c`)) as unknown as {
      priority_groups: { group: string; pinned_client_id: string; pinned_ts: string }[];
    };
    expect(priority_groups).toMatchObject([{ group: "g", pinned_client_id: id }]);
    // With its id it is served on, without pulling it loses the pin.
    const again = await wire.pull(name, "c", { batch: 1, expires: 400 * ms, group: "g", id });
    expect(await again.take(1)).toEqual([`${name}.a 3`]);
    await becomes(async () => {
      await wire.fill(`${name}.a`);
      return second.messages.length > 0;
    }, true);
    const other = fieldsOf(second.messages[0])["Nats-Pin-Id"];
    expect(other).not.toBe(id);
    const late = await wire.pull(name, "c", { batch: 1, expires: 400 * ms, group: "g", id });
    expect(await late.take(1)).toEqual(["423 Nats-Pin-Id mismatch"]);
    const seen = events.messages.map((message) => {
      const { type, pinned_id, reason, group } = message.json<Record<string, string>>();
      return [type?.split(".").at(-1), group, reason ?? (pinned_id === id ? "first" : "second")].join(" ");
    });
    expect(seen.slice(0, 3)).toEqual([
      "consumer_group_pinned g first",
      "consumer_group_unpinned g timeout",
      "consumer_group_pinned g second",
    ]);
    expect((await jsm.consumers.info(name, "c")).num_ack_pending).toBeGreaterThan(2);
    for (const inbox of [first, second, again, late, events]) inbox.close();
  });

  test("pinned: unpinned by hand", async () => {
    const { wire, jsm } = peer();
    const name = await grouped(1, "pinned_client");
    const events = await wire.listen(`$JS.EVENT.ADVISORY.CONSUMER.UNPINNED.${name}.c`);
    const first = await wire.pull(name, "c", { batch: 1, expires: patienceMs * ms, group: "g" });
    const id = fieldsOf(await first.next())["Nats-Pin-Id"] ?? "";
    const waiting = await wire.pull(name, "c", { batch: 5, expires: patienceMs * ms, group: "g", id });
    await jsm.consumers.unpin(name, "c", "g");
    expect((await events.next()).json()).toMatchObject({
      type: "io.nats.jetstream.advisory.v1.consumer_group_unpinned",
      account: "$G",
      stream: name,
      consumer: "c",
      group: "g",
      reason: "admin",
    });
    await wire.fill(`${name}.a`);
    expect((await waiting.take(1))[0]).toBe(
      "423 Nats-Wrong-Pin-Id Nats-Pending-Messages=5 Nats-Pending-Bytes=0",
    );
    expect(await apiErrorOf(jsm.consumers.unpin(name, "c", "h"))).toBe(
      "10160 Provided priority group does not exist for this consumer",
    );
    expect(await apiErrorOf(jsm.consumers.unpin(name, "none", "g"))).toBe("10014 consumer not found");
    for (const inbox of [first, waiting, events]) inbox.close();
  });

  test("prioritized: the lower number first", async () => {
    const { wire } = peer();
    const name = await grouped(0, "prioritized");
    const pull = (priority: number) =>
      wire.pull(name, "c", { batch: 2, expires: patienceMs * ms, group: "g", priority });
    const [low, high, same] = [await pull(5), await pull(1), await pull(1)];
    await wire.fill(...Array<string>(6).fill(`${name}.a`));
    const first = [...(await high.take(2)), ...(await same.take(2))].sort();
    expect(first).toEqual(["1", "2", "3", "4"].map((text) => `${name}.a ${text}`));
    expect(await low.take(2)).toEqual([`${name}.a 5`, `${name}.a 6`]);
    for (const inbox of [low, high, same]) inbox.close();
  });

  test("through the library", async () => {
    const { js } = peer();
    const name = await grouped(5, "overflow");
    const consumer = await js.consumers.get(name, "c");
    const seen: number[] = [];
    for await (const message of await consumer.fetch({
      max_messages: 5,
      expires: 1000,
      group: "g",
      min_pending: 3,
    })) {
      seen.push(message.seq);
      message.ack();
    }
    expect(seen).toEqual([1, 2, 3]);
    const pinned = await grouped(2, "pinned_client");
    const other = await js.consumers.get(pinned, "c");
    const messages = await other.consume({ max_messages: 2, group: "g" } as Parameters<
      typeof other.consume
    >[0]);
    for await (const message of messages) {
      expect(message.headers?.get("Nats-Pin-Id")).not.toBe("");
      if (message.seq === 2) break;
    }
  });
});
