import type { ConnectionOptions, NatsConnection } from "@nats-io/nats-core";
import { watchStatus } from "../../fixture/client-library.ts";
import { type ScenarioContext, type ScenarioGroup, collect, equal, failureOf, settle } from "../scenario.ts";
import { delay, eventually } from "../../fixture/waiting.ts";

const alice = { user: "alice", pass: "s3cret" };
const bob = { user: "bob", pass: "s3cret" };

/** A new config takes effect without a restart, and without disturbing whom it does not concern. */
export const reload: ScenarioGroup = {
  noun: "reload",
  ownBroker: true,
  signals: true,
  config: `max_payload: 100000
    mappings { old: "before" }
    ${usersBlock(userEntry("alice"), userEntry("bob"))}`,
  scenarios: {
    "a user that was removed is disconnected, the others stay": async ({ broker, connect, subject }) => {
      const [staying, leaving] = [await connect(alice), await connect(bob)];
      const received = collect(staying, subject("x"));
      await staying.flush();
      await broker.reload(usersBlock(userEntry("alice")));
      // nats-server closes without an -ERR here; whether the client is told why is left open.
      await leaving.closed();
      equal((await failureOf(connect(bob), "the removed user")).kind, "authorization", "failure");
      staying.publish(subject("x"), "still here");
      await settle(staying);
      equal(received.texts(), ["still here"], "the other user");
    },

    "a user that reconnects after its removal gives up": async ({ broker, connect }) => {
      const leaving = await connect({ ...bob, reconnect: true, reconnectTimeWait: 20, reconnectJitter: 0 });
      await broker.reload(usersBlock(userEntry("alice")));
      await leaving.closed();
      equal(leaving.isClosed(), true, "closed after its credentials were refused");
    },

    "a user that was added may come": async (context) => {
      const staying = await context.connect(alice);
      await context.broker.reload(usersBlock(userEntry("alice"), userEntry("bob"), userEntry("carol")));
      await connectsSoon(context, { user: "carol", pass: "s3cret" });
      await staying.flush();
      equal(staying.isClosed(), false, "the user that was there before");
    },

    "a changed password disconnects and is asked for": async (context) => {
      const connection = await context.connect(alice);
      await context.broker.reload(usersBlock(userEntry("alice", "other"), userEntry("bob")));
      await connection.closed();
      equal((await failureOf(context.connect(alice), "the old password")).kind, "authorization", "failure");
      await connectsSoon(context, { user: "alice", pass: "other" });
    },

    "narrower permissions end subscriptions that are not allowed any more": async (context) => {
      const { broker, connect, subject } = context;
      const [subscriber, publisher] = [await connect(alice), await connect(bob)];
      const kept = collect(subscriber, subject("kept"));
      const lost = collect(subscriber, subject("lost"));
      await subscriber.flush();
      const narrow = userEntry("alice", "s3cret", `{ subscribe: "*.kept", publish: "*.kept" }`);
      await broker.reload(usersBlock(narrow, userEntry("bob")));
      await eventually(() => lost.failures.length > 0, "the subscription is refused");
      equal([lost.failures[0]?.kind, lost.failures[0]?.subject], ["permission", subject("lost")], "failure");
      const events = watchStatus(subscriber);
      subscriber.publish(subject("lost"), "not allowed");
      for (const name of ["kept", "lost"]) publisher.publish(subject(name), name);
      await settle(subscriber);
      await settle(publisher, subscriber);
      equal(kept.texts(), ["kept"], "the subscription that is allowed");
      equal(lost.texts(), [], "the subscription that is not");
      equal(subscriber.isClosed(), false, "the connection stays");
      await eventually(
        () => events.some(({ failure }) => failure?.subject === subject("lost")),
        "publish refused",
      );
    },

    "mappings and limits change for those who come after": async (context) => {
      const { broker, connect } = context;
      const before = await connect(alice);
      const received = ["before", "after"].map((name) => collect(before, name));
      before.publish("old", "1");
      await settle(before);
      await broker.reload(
        `max_payload: 5000\n mappings { old: "after" }\n ${usersBlock(userEntry("alice"), userEntry("bob"))}`,
      );
      const after = await eventuallyConnects(
        context,
        alice,
        (connection) => connection.info?.max_payload === 5000,
      );
      after.publish("old", "2");
      await settle(after, before);
      equal(
        received.map((one) => one.texts()),
        [["1"], ["2"]],
        "where the messages went",
      );
    },

    "a config that is wrong changes nothing": async ({ broker, connect, subject }) => {
      const connection = await connect(alice);
      const received = collect(connection, subject("x"));
      await broker.reload(`no_such_option: 1\n ${usersBlock(userEntry("bob"))}`);
      // Nothing is to happen, so there is nothing to wait for.
      await delay(300);
      connection.publish(subject("x"), "still here");
      await settle(connection);
      equal(received.texts(), ["still here"], "the user that the wrong config removes");
      await connect(alice);
    },
  },
};

function usersBlock(...entries: readonly string[]): string {
  return `authorization { users: [\n${entries.join("\n")}\n] }`;
}

function userEntry(
  name: string,
  password = "s3cret",
  permissions = `{ subscribe: ">", publish: ">" }`,
): string {
  return `{ user: ${name}, password: "${password}", permissions ${permissions} }`;
}

function connectsSoon(context: ScenarioContext, options: ConnectionOptions): Promise<NatsConnection> {
  return eventuallyConnects(context, options, () => true);
}

// A reload takes effect some moments after it was asked for.
async function eventuallyConnects(
  { connect }: ScenarioContext,
  options: ConnectionOptions,
  accept: (connection: NatsConnection) => boolean,
): Promise<NatsConnection> {
  let last: unknown;
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      const connection = await connect(options);
      if (accept(connection)) return connection;
      await connection.close();
    } catch (error) {
      last = error;
    }
    await delay(30);
  }
  throw new Error(`no such connection: ${String(last)}`);
}
