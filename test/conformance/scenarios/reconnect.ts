import { watchStatus } from "../../fixture/client-library.ts";
import { type ScenarioGroup, collect, equal, failureOf, numbers, respond, settle } from "../scenario.ts";
import { eventually, handled } from "../../fixture/waiting.ts";

const reconnecting = {
  reconnect: true,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 50,
  reconnectJitter: 0,
  reconnectJitterTLS: 0,
};

/** Clients find a broker again that went away and came back on its port. */
export const reconnect: ScenarioGroup = {
  noun: "reconnect",
  ownBroker: true,
  scenarios: {
    "subscriptions, queue groups and requests go on after a restart": async ({
      broker,
      connect,
      subject,
    }) => {
      const connection = await connect(reconnecting);
      const events = watchStatus(connection);
      const plain = collect(connection, subject("plain"));
      const queued = collect(connection, subject("queued"), { queue: "q" });
      respond(connection, subject("service"), (asked) => asked.respond("served"));
      connection.publish(subject("plain"), "before");
      equal((await connection.request(subject("service"))).string(), "served", "before");
      await broker.stop();
      await eventually(() => events.some(({ type }) => type === "disconnect"), "the client notices");
      await broker.start();
      await eventually(() => events.some(({ type }) => type === "reconnect"), "the client is back");
      for (const text of numbers(10)) {
        connection.publish(subject("plain"), text);
        connection.publish(subject("queued"), text);
      }
      await settle(connection);
      equal(plain.texts(), ["before", ...numbers(10)], "plain subscription");
      equal(queued.texts(), numbers(10), "queue group");
      equal((await connection.request(subject("service"))).string(), "served", "after");
    },

    "a subscription made while the broker is away is there when it is back": async (context) => {
      const { broker, connect, subject } = context;
      const connection = await connect(reconnecting);
      const events = watchStatus(connection);
      await broker.stop();
      await eventually(() => events.some(({ type }) => type === "disconnect"), "the client notices");
      const received = collect(connection, subject("late"));
      await broker.start();
      await eventually(() => events.some(({ type }) => type === "reconnect"), "the client is back");
      connection.publish(subject("late"), "here");
      await settle(connection);
      equal(received.texts(), ["here"], "messages");
    },

    "a client that waits for its first connection gets it": async ({ broker, connect, subject }) => {
      await broker.stop();
      const connecting = handled(connect({ ...reconnecting, waitOnFirstConnect: true }));
      await broker.start();
      const connection = await connecting;
      const received = collect(connection, subject("x"));
      connection.publish(subject("x"), "at last");
      await settle(connection);
      equal(received.texts(), ["at last"], "messages");
    },

    "a client that does not reconnect is closed": async ({ broker, connect }) => {
      const connection = await connect();
      await broker.stop();
      await connection.closed();
      equal(connection.isClosed(), true, "closed");
      await failureOf(connect(), "connect to no broker");
    },

    "a client may reconnect when it likes": async ({ connect, subject }) => {
      const connection = await connect(reconnecting);
      const events = watchStatus(connection);
      const before = connection.info?.client_id;
      const received = collect(connection, subject("x"));
      await connection.flush();
      await connection.reconnect();
      await eventually(() => events.some(({ type }) => type === "reconnect"), "the client is back");
      connection.publish(subject("x"), "again");
      await settle(connection);
      equal(received.texts(), ["again"], "messages");
      equal(connection.info?.client_id === before, false, "the same client_id");
    },
  },
};
