import {
  type ScenarioGroup,
  collect,
  equal,
  failureOf,
  numbers,
  respond,
  settle,
  within,
} from "../scenario.ts";
import { watchStatus } from "../../fixture/client-library.ts";
import { eventually, patienceMs } from "../../fixture/waiting.ts";

/** Subjects that the broker renames on the way in, by the `mappings` of the config. */
export const mapping: ScenarioGroup = {
  noun: "mapping",
  config: `mappings {
      old.name: "new.name"
      swap.*.*: "swapped.$2.$1"
      named.*.*: "renamed.{{wildcard(2)}}.{{wildcard(1)}}"
      tail.*.>: "moved.$1.>"
      chain.one: "chain.two"
      chain.two: "chain.three"
      weighted: [ { destination: "weighted.seventy", weight: 70% }, { destination: "weighted.thirty", weight: 30 } ]
      partly: [ { destination: "partly.taken", weight: 25% } ]
      lossy: [ { destination: "lossy", weight: 50% } ]
      even.*: "even.$1.{{partition(5,1)}}"
      pair.*.*: "pair.{{partition(10,1,2)}}.$1.$2"
      cut.*: "cut.{{split(1,-)}}"
      part.*: "part.{{splitfromleft(1,3)}}"
      part-right.*: "part-right.{{SplitFromRight(1,3)}}"
      slice.*: "slice.{{slicefromleft(1,2)}}"
      slice-right.*: "slice-right.{{SliceFromRight(1,2)}}"
    }
    accounts { A {
      users: [ { user: a, password: pass } ]
      mappings { old.name: "of.a" } } }
    authorization { users: [
      { user: root, password: pass }
      { user: to-new, password: pass, permissions { publish: "new.>" } }
      { user: to-old, password: pass, permissions { publish: "old.>" } }
    ] }`,
  scenarios: {
    "a subject takes another name": async ({ connect }) => {
      equal(
        await mapped(await connect(root), ["old.name", "old.other", "old.name.more"]),
        ["new.name", "old.other", "old.name.more"],
        "subjects",
      );
    },

    "wildcards keep their tokens, in another order if wanted": async ({ connect }) => {
      const sent = ["swap.a.b", "named.x.y", "tail.a.b.c", "swap.a", "tail.a"];
      const arrived = ["swapped.b.a", "renamed.y.x", "moved.a.b.c", "swap.a", "tail.a"];
      equal(await mapped(await connect(root), sent), arrived, "subjects");
    },

    "a mapped subject is not mapped again": async ({ connect }) => {
      equal(
        await mapped(await connect(root), ["chain.one", "chain.two"]),
        ["chain.two", "chain.three"],
        "subjects",
      );
    },

    "a request finds its responder under the new name": async ({ connect }) => {
      const [client, server] = [await connect(root), await connect(root)];
      respond(server, "new.name", (asked) => asked.respond(asked.subject));
      await server.flush();
      equal((await client.request("old.name", "", { timeout: patienceMs })).string(), "new.name", "answer");
      const failure = await failureOf(
        client.request("chain.one", "", { timeout: patienceMs }),
        "nobody there",
      );
      equal(failure.kind, "noResponders", "no responder under the new name");
    },

    "weights share out the messages": async ({ connect }) => {
      const arrived = await mapped(await connect(root), Array<string>(4000).fill("weighted"));
      const seventy = arrived.filter((subject) => subject === "weighted.seventy").length;
      const thirty = arrived.filter((subject) => subject === "weighted.thirty").length;
      equal(seventy + thirty, 4000, "all of them");
      within(seventy, 2600, 3000, "of 70 in a hundred");
    },

    "what weights leave over keeps its name": async ({ connect }) => {
      const arrived = await mapped(await connect(root), Array<string>(4000).fill("partly"));
      const taken = arrived.filter((subject) => subject === "partly.taken").length;
      equal(taken + arrived.filter((subject) => subject === "partly").length, 4000, "all of them");
      within(taken, 800, 1200, "of 25 in a hundred");
    },

    "a weight on the name itself drops the rest": async ({ connect }) => {
      const connection = await connect(root);
      const received = collect(connection, "lossy");
      for (const text of numbers(2000)) connection.publish("lossy", text);
      await settle(connection);
      within(received.messages.length, 850, 1150, "of 50 in a hundred");
    },

    "a partition is always the same for the same tokens": async ({ connect }) => {
      const names = numbers(200).map((text) => `even.key-${text}`);
      const arrived = await mapped(await connect(root), names);
      const expected = numbers(200).map((text) => `even.key-${text}.${partition(`key-${text}`, 5)}`);
      equal(arrived, expected, "partitions of one token");
      const pairs = numbers(50).map((text) => `pair.${text}.b${text}`);
      const expectedPairs = numbers(50).map(
        (text) => `pair.${partition(`${text}b${text}`, 10)}.${text}.b${text}`,
      );
      equal(await mapped(await connect(root), pairs), expectedPairs, "partitions of two tokens");
      equal(new Set(expected.map((subject) => subject.slice(-1))).size, 5, "partitions in use");
    },

    "tokens can be cut into several": async ({ connect }) => {
      const sent = ["cut.a-b-c", "cut.abc", "cut.-a--b-", "part.abcde", "part.ab", "part-right.abcde"];
      const more = ["slice.abcde", "slice.ab", "slice-right.abcde"];
      const arrived = ["cut.a.b.c", "cut.abc", "cut.a.b", "part.abc.de", "part.ab", "part-right.ab.cde"];
      const moreArrived = ["slice.ab.cd.e", "slice.ab", "slice-right.a.bc.de"];
      equal(await mapped(await connect(root), [...sent, ...more]), [...arrived, ...moreArrived], "subjects");
    },

    "an account has mappings of its own": async ({ connect }) => {
      equal(
        await mapped(await connect({ user: "a", pass: "pass" }), ["old.name", "swap.a.b"]),
        ["of.a", "swap.a.b"],
        "subjects",
      );
    },

    "permission is needed for the new name, not for the old": async ({ connect }) => {
      const witness = await connect(root);
      const received = collect(witness, ">");
      await witness.flush();
      const [toNew, toOld] = [
        await connect({ user: "to-new", pass: "pass" }),
        await connect({ user: "to-old", pass: "pass" }),
      ];
      const events = watchStatus(toOld);
      toNew.publish("old.name", "allowed");
      await settle(toNew);
      toOld.publish("old.name", "refused");
      await settle(toOld, witness);
      equal(received.texts(), ["allowed"], "delivered");
      await eventually(
        () => events.some(({ failure }) => failure?.subject === "new.name"),
        "refused by its new name",
      );
    },
  },
};

const root = { user: "root", pass: "pass" };

/** The subjects under which messages published to `subjects` arrive, in the same order. */
async function mapped(
  connection: Awaited<ReturnType<Parameters<ScenarioGroup["scenarios"][string]>[0]["connect"]>>,
  subjects: readonly string[],
): Promise<string[]> {
  const received = collect(connection, ">");
  for (const [index, subject] of subjects.entries()) connection.publish(subject, String(index));
  await settle(connection);
  received.subscription.unsubscribe();
  equal(received.texts(), numbers(subjects.length), "one message for each sent");
  return received.subjects();
}

/** FNV-1a over the tokens, modulo the number of partitions: what other tools that share the work rely on. */
function partition(text: string, count: number): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % count;
}
