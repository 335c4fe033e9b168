import { expect, test } from "vitest";
import { Account } from "../../src/broker/account.ts";
import { Destination } from "../../src/broker/destination.ts";
import { composeMessage, Message } from "../../src/protocol/message.ts";
import { Publisher } from "../../src/broker/publisher.ts";
import { Router } from "../../src/broker/router.ts";
import { Subscription } from "../../src/broker/subscriber.ts";
import { FakeSubscriber } from "./fake-subscriber.ts";

const unlimited = { maxConnections: -1, maxSubscriptions: -1, maxPayloadBytes: -1 };

test("whoever is there at the time gets the message, under the message's own subject", () => {
  const account = new Account("A", unlimited, 1);
  const publisher = new Publisher(new Router(1));
  const inbox = new Destination(account, "inbox.1");
  const send = (subject: string): number =>
    publisher.deliverMessage(inbox, composeMessage(new Message(), subject, "", null, Buffer.from("x")));
  const [first, second] = [new FakeSubscriber("first"), new FakeSubscriber("second")];
  expect([inbox.hasReceivers, send("a")]).toEqual([false, 0]);
  const literal = new Subscription(first, "inbox.1", null, "1");
  account.add(literal);
  expect([inbox.hasReceivers, send("b"), send("c")]).toEqual([true, 1, 1]);
  account.add(new Subscription(second, "inbox.>", null, "2"));
  account.add(new Subscription(second, "inbox.2", null, "3"));
  expect(send("d")).toBe(2);
  account.remove(literal);
  expect(send("e")).toBe(1);
  second.denied.add("inbox.1");
  for (const subscription of account.matches("inbox.1")) account.reconsider(subscription);
  expect([inbox.hasReceivers, send("f")]).toEqual([false, 0]);
  expect(first.received).toEqual(["1 b", "1 c", "1 d"]);
  expect(second.received).toEqual(["2 d", "2 e"]);
});
