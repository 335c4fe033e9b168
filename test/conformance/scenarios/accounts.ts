import { type ScenarioGroup, collect, equal, failureOf, numbers, respond, settle } from "../scenario.ts";
import { delay, patienceMs } from "../../fixture/waiting.ts";

const red = { user: "red", pass: "pass" };
const otherRed = { user: "other-red", pass: "pass" };
const blue = { user: "blue", pass: "pass" };
const global = { user: "global", pass: "pass" };

/** Accounts are subject spaces of their own. */
export const accounts: ScenarioGroup = {
  noun: "accounts",
  config: `accounts {
      RED { users: [ { user: red, password: pass }, { user: other-red, password: pass } ] }
      BLUE { users: [ { user: blue, password: pass } ], limits { max_connections: 3, max_subscriptions: 5, max_payload: 100 } }
    }
    authorization { users: [ { user: global, password: pass } ] }`,
  scenarios: {
    "users of one account hear each other and nobody else": async ({ connect, subject }) => {
      const publisher = await connect(red);
      const [same, other, outside] = [await connect(otherRed), await connect(blue), await connect(global)];
      const all = [same, other, outside].map((connection) => collect(connection, ">"));
      await settle(same, other, outside);
      publisher.publish(subject("x"), "secret of red");
      outside.publish(subject("x"), "secret of nobody");
      other.publish(subject("x"), "secret of blue");
      await settle(publisher, other, outside, same, other, outside);
      equal(
        all.map((received) => received.texts()),
        [["secret of red"], ["secret of blue"], ["secret of nobody"]],
        "heard",
      );
    },

    "queue groups of one name do not mix": async ({ connect, subject }) => {
      const publisher = await connect(red);
      const [same, other] = [await connect(otherRed), await connect(blue)];
      const mine = collect(same, subject("work"), { queue: "q" });
      const theirs = collect(other, subject("work"), { queue: "q" });
      await settle(same, other);
      for (const text of numbers(100)) publisher.publish(subject("work"), text);
      await settle(publisher, same, other);
      equal(mine.texts(), numbers(100), "own account");
      equal(theirs.texts(), [], "other account");
    },

    "a responder in another account is none": async ({ connect, subject }) => {
      const [client, server] = [await connect(red), await connect(blue)];
      respond(server, subject("x"), (asked) => asked.respond("leak"));
      await server.flush();
      const failure = await failureOf(client.request(subject("x"), "", { timeout: patienceMs }), "request");
      equal(failure.kind, "noResponders", "failure");
    },

    "an account has its own largest payload": async ({ connect, subject }) => {
      const [limited, free] = [await connect(blue), await connect(red)];
      const received = collect(limited, subject("x"));
      limited.publish(subject("x"), "x".repeat(100));
      await limited.flush();
      equal(received.messages.length, 1, "payload at the limit");
      const own = collect(free, subject("x"));
      free.publish(subject("x"), "x".repeat(101));
      await free.flush();
      equal(own.messages.length, 1, "payload of an account without the limit");
    },

    "an account has its own number of connections": async ({ connect }) => {
      const [first] = [await connect(blue), await connect(blue), await connect(blue)];
      // The text is checked on the wire: a library may meet the closed socket before it reads the -ERR.
      await failureOf(connect(blue), "one too many");
      await connect(red);
      await first?.close();
      await retry(() => connect(blue));
    },

    "an account has its own number of subscriptions": async ({ connect, subject }) => {
      const connection = await connect(blue);
      const kept = numbers(5).map((text) => collect(connection, subject(text)));
      await connection.flush();
      const refused = collect(connection, subject("one-too-many"));
      await connection.flush();
      kept[0]?.subscription.unsubscribe();
      const fits = collect(connection, subject("fits"));
      await connection.flush();
      for (const name of ["1", "one-too-many", "fits"]) connection.publish(subject(name), name);
      await connection.flush();
      equal(kept[1]?.texts(), ["1"], "a subscription within the limit");
      equal(refused.texts(), [], "the subscription over the limit");
      equal(fits.texts(), ["fits"], "a subscription after another left");
    },
  },
};

// The broker learns of a closed connection in its own time.
async function retry(connecting: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      await connecting();
      return;
    } catch {
      await delay(10);
    }
  }
  throw new Error("a place that became free stays refused");
}
