import { type ScenarioGroup, collect, equal, failureOf, numbers, settle } from "../scenario.ts";
import { delay, handled, patienceMs } from "../../fixture/waiting.ts";

/** Leaving without losing what is on its way; and leaving after a number of messages. */
export const drain: ScenarioGroup = {
  noun: "drain",
  scenarios: {
    "a drained subscription gets what was sent before and nothing after": async ({ connect, subject }) => {
      const [publisher, subscriber] = [await connect(), await connect()];
      const received = collect(subscriber, subject("x"));
      await subscriber.flush();
      for (const text of numbers(1000)) publisher.publish(subject("x"), text);
      await publisher.flush();
      await received.subscription.drain();
      equal(received.texts(), numbers(1000), "before the drain");
      equal(received.subscription.isClosed(), true, "closed");
      for (const text of numbers(10)) publisher.publish(subject("x"), text);
      await settle(publisher, subscriber);
      equal(subscriber.stats().inMsgs, 1000, "messages sent by the broker");
    },

    "a drained connection closes in order": async ({ connect, subject }) => {
      const [publisher, subscriber] = [await connect(), await connect()];
      const one = collect(subscriber, subject("one"));
      const two = collect(subscriber, subject("two"), { queue: "q" });
      const echo = collect(publisher, subject("echo"));
      await settle(publisher, subscriber);
      for (const text of numbers(500)) {
        publisher.publish(subject("one"), text);
        publisher.publish(subject("two"), text);
      }
      await publisher.flush();
      subscriber.publish(subject("echo"), "sent just before the drain");
      await subscriber.drain();
      equal((await subscriber.closed()) ?? "no error", "no error", "closed");
      equal(subscriber.isClosed(), true, "closed");
      equal(one.texts(), numbers(500), "first subscription");
      equal(two.texts(), numbers(500), "second subscription");
      await publisher.flush();
      equal(echo.texts(), ["sent just before the drain"], "last words");
    },

    "a draining connection takes no new subscriptions": async ({ connect, subject }) => {
      const connection = await connect();
      collect(connection, subject("x"));
      const draining = connection.drain();
      const late = (async () => connection.subscribe(subject("late")))();
      equal((await failureOf(late, "subscribe while draining")).message !== "", true, "refused");
      await draining;
    },

    "a subscription with a maximum ends there": async ({ connect, subject }) => {
      const [publisher, subscriber] = [await connect(), await connect()];
      const limited = collect(subscriber, subject("x"), { max: 5 });
      const queued = collect(subscriber, subject("x"), { max: 3, queue: "q" });
      await subscriber.flush();
      for (const text of numbers(20)) publisher.publish(subject("x"), text);
      await settle(publisher, subscriber);
      equal(limited.texts(), numbers(5), "plain");
      equal(queued.texts(), numbers(3), "queue member");
      equal(limited.subscription.isClosed(), true, "closed");
      equal(subscriber.stats().inMsgs, 8, "messages sent by the broker");
    },

    "a maximum set later counts from the start of the subscription": async ({ connect, subject }) => {
      const [publisher, subscriber] = [await connect(), await connect()];
      const later = collect(subscriber, subject("later"));
      const passed = collect(subscriber, subject("passed"));
      await subscriber.flush();
      for (const text of numbers(4)) {
        publisher.publish(subject("later"), text);
        publisher.publish(subject("passed"), text);
      }
      await settle(publisher, subscriber);
      later.subscription.unsubscribe(6);
      passed.subscription.unsubscribe(2);
      await subscriber.flush();
      for (const text of numbers(10)) {
        publisher.publish(subject("later"), text);
        publisher.publish(subject("passed"), text);
      }
      await settle(publisher, subscriber);
      equal(later.texts(), ["0", "1", "2", "3", "0", "1"], "two more");
      equal(passed.texts(), numbers(4), "a maximum that has passed ends it at once");
      equal(subscriber.stats().inMsgs, 10, "messages sent by the broker");
    },

    "a queue member that reaches its maximum leaves the rest to the others": async ({ connect, subject }) => {
      const [publisher, subscriber] = [await connect(), await connect()];
      const limited = collect(subscriber, subject("x"), { queue: "q", max: 10 });
      const steady = collect(subscriber, subject("x"), { queue: "q" });
      await subscriber.flush();
      for (const text of numbers(200)) publisher.publish(subject("x"), text);
      await settle(publisher, subscriber);
      equal(limited.messages.length, 10, "limited member");
      equal(steady.messages.length, 190, "the other member");
    },

    "close ends iterators and pending requests": async ({ connect, subject }) => {
      const connection = await connect();
      const iterated = handled(
        (async () => {
          let count = 0;
          for await (const _ of connection.subscribe(subject("x"))) count++;
          return count;
        })(),
      );
      collect(connection, subject("silent"));
      const pending = handled(
        failureOf(connection.request(subject("silent"), "", { timeout: patienceMs }), "pending"),
      );
      await connection.flush();
      await connection.close();
      equal(await iterated, 0, "iterator");
      equal((await Promise.race([pending, delay(2000)])) !== undefined, true, "request failed");
    },
  },
};
