import { watchStatus } from "../../fixture/client-library.ts";
import { type ScenarioGroup, collect, equal, failureOf, numbers, settle } from "../scenario.ts";
import { delay, eventually } from "../../fixture/waiting.ts";

const connections: ScenarioGroup = {
  noun: "max_connections",
  config: "max_connections: 3",
  ownBroker: true,
  scenarios: {
    "one connection too many is refused until another leaves": async ({ connect, subject }) => {
      const [one, two, three] = [await connect(), await connect(), await connect()];
      // The text is checked on the wire: a library may meet the closed socket before it reads the -ERR.
      await failureOf(connect(), "one too many");
      const received = collect(one, subject("x"));
      await one.flush();
      two.publish(subject("x"), "undisturbed");
      await settle(two, one);
      equal(received.texts(), ["undisturbed"], "those inside");
      await three.close();
      let entered = false;
      for (let attempt = 0; attempt < 100 && !entered; attempt++) {
        entered = await connect().then(
          () => true,
          () => delay(10).then(() => false),
        );
      }
      equal(entered, true, "the place that became free is given");
    },
  },
};

const subscriptions: ScenarioGroup = {
  noun: "max_subscriptions",
  config: "max_subscriptions: 10",
  scenarios: {
    "one subscription too many is refused and the connection stays": async ({ connect, subject }) => {
      const connection = await connect();
      const events = watchStatus(connection);
      const kept = numbers(10).map((text) => collect(connection, subject(text)));
      const refused = collect(connection, subject("too.many"));
      await connection.flush();
      await eventually(() => events.some(({ failure }) => failure?.kind === "protocol"), "an error");
      for (const text of [...numbers(10), "too.many"]) connection.publish(subject(text), text);
      await settle(connection);
      equal(
        kept.map((one) => one.texts().join()),
        numbers(10),
        "within the limit",
      );
      equal(refused.texts(), [], "over the limit");
      equal(connection.isClosed(), false, "the connection stays");
    },
  },
};

const pings: ScenarioGroup = {
  noun: "ping_interval",
  config: `ping_interval: "150ms", ping_max: 2`,
  scenarios: {
    "a client that answers pings stays": async ({ connect, subject }) => {
      const connection = await connect();
      const received = collect(connection, subject("x"));
      await connection.flush();
      // Several times as long as a silent client would be tolerated.
      await delay(1200);
      connection.publish(subject("x"), "still here");
      await settle(connection);
      equal(received.texts(), ["still here"], "messages");
    },
  },
};

/** What one client may ask of the broker, and what it must answer. */
export const limits: readonly ScenarioGroup[] = [connections, subscriptions, pings];
