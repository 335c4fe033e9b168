import { describe, expect, it } from "vitest";
import { Account } from "../../src/broker/account.ts";
import { composeMessage, Message } from "../../src/protocol/message.ts";
import { Router } from "../../src/broker/router.ts";
import { Subscription } from "../../src/broker/subscriber.ts";
import { FakeSubscriber } from "./fake-subscriber.ts";

const unlimited = { maxConnections: -1, maxSubscriptions: -1, maxPayloadBytes: -1 };

function setUp(seed = 7): {
  router: Router;
  account: Account;
  subscribe: (
    subscriber: FakeSubscriber,
    subject: string,
    queue?: string | null,
    sid?: string,
  ) => Subscription;
  publish: (subject: string, origin?: FakeSubscriber | null) => number;
} {
  const router = new Router(seed);
  const account = new Account("A", unlimited, 3);
  const message = new Message();
  return {
    router,
    account,
    subscribe: (subscriber, subject, queue = null, sid = "1") => {
      const subscription = new Subscription(subscriber, subject, queue, sid);
      account.add(subscription);
      return subscription;
    },
    publish: (subject, origin = null) =>
      router.publish(account, composeMessage(message, subject, "", null, Buffer.from("x")), origin),
  };
}

describe("routing", () => {
  it("reaches everybody who is interested, and counts them", () => {
    const { subscribe, publish } = setUp();
    const [one, other] = [new FakeSubscriber("one"), new FakeSubscriber("other")];
    subscribe(one, "a.*", null, "1");
    subscribe(one, "a.b", null, "2");
    subscribe(other, ">", null, "3");
    expect([publish("a.b"), publish("a.c"), publish("b"), publish("a..b")]).toEqual([3, 2, 1, 0]);
    expect(one.take().sort()).toEqual(["1 a.b", "1 a.c", "2 a.b"]);
    expect(other.take()).toEqual(["3 a.b", "3 a.c", "3 b"]);
  });

  it("does not count who refuses", () => {
    const { subscribe, publish } = setUp();
    const [one, full] = [new FakeSubscriber("one"), new FakeSubscriber("full")];
    full.accepts = false;
    subscribe(one, "a");
    subscribe(full, "a");
    expect(publish("a")).toBe(1);
  });

  it("leaves out the origin where it wants no echo, alone or in a group", () => {
    const { subscribe, publish } = setUp();
    const [origin, other] = [new FakeSubscriber("origin"), new FakeSubscriber("other")];
    subscribe(origin, "a");
    subscribe(origin, "a", "q");
    expect(publish("a", origin)).toBe(2);
    origin.echo = false;
    origin.take();
    expect(publish("a", origin)).toBe(0);
    subscribe(other, "a", "q");
    for (let time = 0; time < 20; time++) expect(publish("a", origin)).toBe(1);
    expect([origin.take().length, other.take().length]).toEqual([0, 20]);
    expect(publish("a", other)).toBe(2);
  });

  it("takes one member of each group, merged by name over all patterns", () => {
    const { subscribe, publish } = setUp();
    const members = ["a.*", "a.>", "*.b", "a.b"].map((pattern, at) => {
      const member = new FakeSubscriber(`m${at}`);
      subscribe(member, pattern, at === 3 ? "w" : "q");
      return member;
    });
    for (let time = 0; time < 300; time++) expect(publish("a.b")).toBe(2);
    const counts = members.map((member) => member.take().length);
    expect(counts.slice(0, 3).reduce((sum, count) => sum + count)).toBe(300);
    expect(counts[3]).toBe(300);
    for (const count of counts) expect(count).toBeGreaterThan(60);
  });

  it("is fair in a group, also where some refuse", () => {
    const { subscribe, publish } = setUp(12345);
    const members = Array.from({ length: 8 }, (_, at) => new FakeSubscriber(`m${at}`));
    for (const member of members) subscribe(member, "a", "q");
    for (let time = 0; time < 8_000; time++) publish("a");
    for (const member of members) {
      const count = member.take().length;
      expect(count).toBeGreaterThan(850);
      expect(count).toBeLessThan(1_150);
    }
    for (const member of members.slice(1)) member.accepts = false;
    for (let time = 0; time < 100; time++) expect(publish("a")).toBe(1);
    expect(members[0]?.take()).toHaveLength(100);
    (members[0] as FakeSubscriber).accepts = false;
    expect(publish("a")).toBe(0);
  });

  it("goes behind a link only when nobody here takes it", () => {
    const { subscribe, publish } = setUp();
    const [here, there] = [new FakeSubscriber("here"), new FakeSubscriber("there", 1)];
    subscribe(here, "a", "q");
    subscribe(there, "a", "q");
    for (let time = 0; time < 50; time++) publish("a");
    expect([here.take().length, there.take().length]).toEqual([50, 0]);
    here.accepts = false;
    for (let time = 0; time < 50; time++) expect(publish("a")).toBe(1);
    expect(there.take()).toHaveLength(50);
  });

  it("sends a link each message once, with all its groups that were chosen", () => {
    const { subscribe, publish } = setUp();
    const [here, there] = [new FakeSubscriber("here"), new FakeSubscriber("there", 1)];
    subscribe(there, "a", null, "1");
    subscribe(there, ">", null, "2");
    subscribe(there, "a", "q", "3");
    subscribe(there, "a", "w", "4");
    subscribe(here, "a", "w", "5");
    expect(publish("a")).toBe(2);
    expect(here.take()).toEqual(["5 a"]);
    expect(there.take()).toEqual([expect.stringMatching(/^[12] a q$/)]);
  });

  it("gives a link to choose only what its members are worth", () => {
    const { subscribe, publish } = setUp();
    const [one, nine] = [new FakeSubscriber("one", 1), new FakeSubscriber("nine", 1)];
    subscribe(one, "a", "q");
    subscribe(nine, "a", "q").weight = 9;
    for (let time = 0; time < 2_000; time++) publish("a");
    const share = one.take().length;
    expect(share + nine.take().length).toBe(2_000);
    expect(share).toBeGreaterThan(120);
    expect(share).toBeLessThan(290);
  });

  it("delivers what came over a link to the groups that it names, and never back", () => {
    const { account, router, subscribe } = setUp();
    const [here, from, onward] = [
      new FakeSubscriber("here"),
      new FakeSubscriber("from", 1),
      new FakeSubscriber("onward", 1),
    ];
    from.echo = false;
    subscribe(here, "a", null, "1");
    subscribe(here, "a", "q", "2");
    subscribe(here, "a", "w", "3");
    subscribe(from, "a", null, "4");
    subscribe(from, "a", "x", "5");
    subscribe(onward, "a", "x", "6");
    const message = composeMessage(new Message(), "a", "", null, Buffer.alloc(0));
    const bytes = Buffer.from("a");
    const deliver = (...queues: string[]): number =>
      router.deliverToGroups(account.planFor(bytes, 0, 1), message, from, queues);
    expect(deliver()).toBe(1);
    expect(here.take()).toEqual(["1 a"]);
    expect(deliver("w", "x")).toBe(3);
    expect(here.take()).toEqual(["1 a", "3 a"]);
    expect(onward.take()).toEqual(["- a x"]);
    expect(from.take()).toEqual([]);
  });

  it("takes nothing along when a member goes away", () => {
    const { account, subscribe, publish } = setUp();
    const [leaving, staying] = [new FakeSubscriber("leaving"), new FakeSubscriber("staying")];
    const subscription = subscribe(leaving, "a", "q");
    subscribe(staying, "a", "q");
    publish("a");
    account.remove(subscription);
    leaving.take();
    staying.take();
    for (let time = 0; time < 50; time++) expect(publish("a")).toBe(1);
    expect([leaving.take().length, staying.take().length]).toEqual([0, 50]);
  });

  it("skips whoever goes away while a message is being delivered", () => {
    const { account, subscribe, publish } = setUp();
    const [first, second] = [new FakeSubscriber("first"), new FakeSubscriber("second")];
    const subscriptions = [subscribe(first, "a", null, "1"), subscribe(second, "a", null, "2")];
    first.then = () => account.remove(subscriptions[1] as Subscription);
    second.then = () => account.remove(subscriptions[0] as Subscription);
    expect(publish("a")).toBe(1);
    expect(first.take().length + second.take().length).toBe(1);
    expect(publish("a")).toBe(1);
  });

  it("finds receivers by one subject and shows them another", () => {
    const { router, account, subscribe } = setUp();
    const taker = new FakeSubscriber("taker");
    subscribe(taker, "inbox.*");
    const message = composeMessage(new Message(), "shown", "", null, Buffer.from("x"));
    expect(router.route(account, "inbox.1", message, null)).toBe(1);
    expect(taker.take()).toEqual(["1 shown"]);
    expect(message.routedByOther).toBe(false);
  });

  it("works from any seed", () => {
    for (const seed of [0, 1, -1, 2 ** 31, 0x80000000 | 0]) {
      const { subscribe, publish } = setUp(seed);
      const members = [new FakeSubscriber("a"), new FakeSubscriber("b")];
      for (const member of members) subscribe(member, "a", "q");
      for (let time = 0; time < 200; time++) publish("a");
      for (const member of members) expect(member.take().length).toBeGreaterThan(40);
    }
  });
});

describe("a composed message", () => {
  it("is in canonical form, with and without reply and headers", () => {
    const forms = [
      ["", null, "s 2\r\nhi\r\n", 0],
      ["r", null, "s r 2\r\nhi\r\n", 0],
      ["", "NATS/1.0\r\n\r\n", "s 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", 12],
      ["r.x", "NATS/1.0\r\n\r\n", "s r.x 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", 12],
    ] as const;
    for (const [reply, headers, text, headerBytes] of forms) {
      const block = headers === null ? null : Buffer.from(headers);
      const message = composeMessage(new Message(), "s", reply, block, Buffer.from("hi"));
      expect(message.bytes.latin1Slice()).toBe(text);
      expect([message.subject, message.reply, message.hasReply]).toEqual(["s", reply, reply !== ""]);
      expect([message.headerBytes, message.bodyBytes, message.stable]).toEqual([
        headerBytes,
        headerBytes + 2,
        true,
      ]);
      expect(message.bytes.latin1Slice(message.tailStart)).toBe(text.slice(2));
    }
  });
});
