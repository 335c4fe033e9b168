import { watchStatus } from "../../fixture/client-library.ts";
import { type ScenarioGroup, collect, equal, failureOf, numbers, respond, settle } from "../scenario.ts";
import { eventually } from "../../fixture/waiting.ts";

/** A broker that is about to leave says so, and serves those it has in the meantime. */
export const lameDuck: ScenarioGroup = {
  noun: "lame duck",
  ownBroker: true,
  signals: true,
  scenarios: {
    "connected clients are told and served, new ones are refused": async ({ broker, connect, subject }) => {
      const connection = await connect();
      const other = await connect();
      const events = [watchStatus(connection), watchStatus(other)];
      const received = collect(other, subject("x"));
      respond(other, subject("service"), (asked) => asked.respond("still here"));
      await settle(connection, other);
      await broker.lameDuck();
      for (const told of events) await eventually(() => told.some(({ type }) => type === "ldm"), "told");
      equal(connection.info?.ldm, true, "INFO says so");
      for (const text of numbers(10)) connection.publish(subject("x"), text);
      await settle(connection, other);
      equal(received.texts(), numbers(10), "messages");
      equal((await connection.request(subject("service"))).string(), "still here", "requests");
      await failureOf(connect(), "a new connection");
      equal([connection.isClosed(), other.isClosed()], [false, false], "connections stay");
    },
  },
};

/** After the grace period the clients are closed, one after the other. */
export const lameDuckEnd: ScenarioGroup = {
  noun: "lame duck that ends",
  config: `lame_duck_duration: "30s", lame_duck_grace_period: "100ms"`,
  ownBroker: true,
  signals: true,
  scenarios: {
    "clients are closed when the grace period is over": async ({ broker, connect }) => {
      const connections = [await connect(), await connect()];
      await broker.lameDuck();
      await Promise.all(connections.map((connection) => connection.closed()));
      equal(
        connections.every((connection) => connection.isClosed()),
        true,
        "closed",
      );
    },
  },
};
