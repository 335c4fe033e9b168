import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Account } from "../../src/broker/account.ts";
import type { Plan } from "../../src/broker/plan.ts";
import { Subscription } from "../../src/broker/subscriber.ts";
import { FakeSubscriber } from "./fake-subscriber.ts";

const unlimited = { maxConnections: -1, maxSubscriptions: -1, maxPayloadBytes: -1 };

function accountOf(seed = 1): Account {
  return new Account("A", unlimited, seed);
}

function planFor(account: Account, subject: string): Plan {
  const bytes = Buffer.from(`..${subject}..`, "latin1");
  return account.planFor(bytes, 2, 2 + subject.length);
}

/** Everybody in a plan who is still there, by group. */
function receivers({ plain, fanOutGroups: cohorts, groups, links }: Plan): string[] {
  const alive = (subscriptions: readonly Subscription[]): Subscription[] =>
    subscriptions.filter(({ dead }) => !dead);
  return [
    ...alive([
      ...plain,
      ...cohorts.flatMap(({ members }) => members),
      ...links.flatMap((each) => each.plain),
    ]).map(({ sid }) => sid),
    ...groups.flatMap(({ name, local, remote }) => [
      ...alive(local).map(({ sid }) => `${name} local ${sid}`),
      ...alive(remote).map(({ sid }) => `${name} remote ${sid}`),
    ]),
  ].sort();
}

function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  if (tokens.includes("")) return false;
  for (const [at, token] of wanted.entries()) {
    if (token === ">") return tokens.length > at;
    if (tokens[at] === undefined || (token !== "*" && token !== tokens[at])) return false;
  }
  return wanted.length === tokens.length;
}

const patterns = [
  ...["a", "a.b", "a.*", "a.>", "*", ">", "*.b", "a.*.c", "b.>"],
  ...["_INBOX.x.1", "_INBOX.x.*", "_INBOX.x.>", "_INBOX.>", "_INBOX.*.1", "_INBOX.*", "_INBOX.x", "*.x.1"],
  ...["_INBOX.x.1.y", "_INBOX.x.*.y", "$JS.ACK.s.>", "$JS.ACK.s.c.*", "$JS.ACK.s.c.>"],
  ...[
    "$JS.ACK.s.c.1.*.3",
    "$JS.ACK.s.*.1.>",
    "$JS.ACK.s.c.1.2.3",
    "$JS.*.s.c.1.>",
    "$JS.ACK.*.c.>",
    "*.ACK.s.c.>",
  ],
  ...["_R_.a.b", "_R_.*.b"],
];
const subjects = [
  ...["a", "a.b", "a.c", "a.b.c", "b", "b.c", "a..b"],
  ...["_INBOX.x.1", "_INBOX.x.2", "_INBOX.y.1", "_INBOX.x", "_INBOX.y", "_INBOX.x.1.y", "_INBOX.x.2.y"],
  ...["_INBOX.", "_INBOX.x.", "_INBOX..1", "$JS.ACK.s.c.1", "$JS.ACK.s.c.2", "$JS.ACK.s.c.1.2.3"],
  ...[
    "$JS.ACK.s.c.1.2.4",
    "$JS.ACK.s.c.1.4.3",
    "$JS.ACK.s.c",
    "$JS.ACK.s.c.",
    "$JS.ACK.s.c.1..3",
    "$JS.ACK.s.d.1",
  ],
  ...["_R_.a.b", "_R_.c.b", "_R_.a"],
];

type Step =
  | {
      readonly do: "add";
      readonly pattern: string;
      readonly queue: string | null;
      readonly subscriber: number;
    }
  | { readonly do: "remove" | "reconsider"; readonly place: number }
  | { readonly do: "deny"; readonly subscriber: number; readonly subject: string }
  | { readonly do: "look"; readonly subject: string };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("add" as const),
      pattern: fc.constantFrom(...patterns),
      queue: fc.constantFrom(null, null, "q", "w"),
      subscriber: fc.nat(5),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("remove" as const, "reconsider" as const), place: fc.nat() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("deny" as const),
      subscriber: fc.nat(5),
      subject: fc.constantFrom(...subjects),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("look" as const), subject: fc.constantFrom(...subjects) }),
  },
);

describe("the plans of an account", () => {
  it("hold exactly those who are interested now, whatever came and went", () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(step, { maxLength: 100 }), (seed, steps) => {
        const account = accountOf(seed);
        const subscribers = Array.from({ length: 6 }, (_, at) => {
          const made = new FakeSubscriber(`s${at}`, at < 4 ? 0 : 1);
          made.likeness = at % 2 === 0 ? "alike" : null;
          return made;
        });
        const inside: Subscription[] = [];
        let lastSid = 0;
        for (const each of steps) {
          if (each.do === "add") {
            const subscriber = subscribers[each.subscriber] as FakeSubscriber;
            const added = new Subscription(subscriber, each.pattern, each.queue, `${++lastSid}`);
            inside.push(added);
            account.add(added);
          } else if (each.do === "deny") {
            const subscriber = subscribers[each.subscriber] as FakeSubscriber;
            subscriber.denied.add(each.subject);
            // What a change of permissions does.
            for (const one of inside) if (one.subscriber === subscriber) account.reconsider(one);
          } else if (each.do !== "look" && inside.length > 0) {
            const place = each.place % inside.length;
            const one = inside[place] as Subscription;
            if (each.do === "reconsider") account.reconsider(one);
            else {
              account.remove(one);
              inside.splice(place, 1);
            }
          } else if (each.do === "look") {
            const expected = inside.filter(
              ({ subject, subscriber }) =>
                matches(subject, each.subject) &&
                !subscriber.deniesDelivery(each.subject, undefined as never),
            );
            const names = expected.map(({ queue, sid, subscriber }) =>
              queue === null ? sid : `${queue} ${subscriber.tier === 0 ? "local" : "remote"} ${sid}`,
            );
            expect(receivers(planFor(account, each.subject))).toEqual(names.sort());
            expect(account.matches(each.subject).length).toBe(
              inside.filter(({ subject }) => matches(subject, each.subject)).length,
            );
          }
        }
        expect(account.interest.size).toBe(inside.length);
        expect(account.insertCount - account.removeCount).toBe(inside.length);
      }),
      { numRuns: 800 },
    );
  });

  it("are one for all subjects with the same receivers", () => {
    const account = accountOf();
    const subscriber = new FakeSubscriber("s");
    account.add(new Subscription(subscriber, "a.*", null, "1"));
    expect(planFor(account, "a.b")).toBe(planFor(account, "a.c"));
    account.add(new Subscription(subscriber, "a.c", null, "2"));
    expect(planFor(account, "a.b")).not.toBe(planFor(account, "a.c"));
  });

  it("are one also for many receivers, and for queue groups", () => {
    const account = accountOf();
    const subscriber = new FakeSubscriber("s");
    subscriber.likeness = "alike";
    for (let at = 0; at < 1_000; at++)
      account.add(
        new Subscription(subscriber, at % 2 === 0 ? "e.>" : "e.*.x", at % 3 === 0 ? "q" : null, `${at}`),
      );
    const plan = planFor(account, "e.0.x");
    expect(receivers(plan)).toHaveLength(1_000);
    for (let at = 1; at < 2_000; at++)
      if (planFor(account, `e.${at}.x`) !== plan) throw new Error(`${at} has another`);
  });

  it("are forgotten before they hold more than is good", () => {
    const account = accountOf();
    const subscriber = new FakeSubscriber("s");
    for (let at = 0; at < 2_000; at++) account.add(new Subscription(subscriber, "e.>", null, `${at}`));
    const subjects = Array.from({ length: 2_500 }, (_, at) => `e.${at}`);
    // One subscription of its own for each subject makes all plans different.
    for (const [at, subject] of subjects.entries())
      account.add(new Subscription(subscriber, subject, null, `own ${at}`));
    for (const subject of subjects) planFor(account, subject);
    let kept = 0;
    for (const plan of account.cachedPlans()) kept += plan.plain.length;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThanOrEqual(4_010_000);
    expect(receivers(planFor(account, "e.7"))).toHaveLength(2_001);
  });

  it("are made once for an inbox, and anew only where its last token matters", () => {
    const account = accountOf();
    const subscriber = new FakeSubscriber("s");
    account.add(new Subscription(subscriber, "_INBOX.x.*", null, "1"));
    for (let at = 0; at < 100; at++) planFor(account, `_INBOX.x.${at}`);
    expect(account.matchCount).toBe(1);
    account.add(new Subscription(subscriber, "_INBOX.x.7", null, "2"));
    for (let at = 0; at < 10; at++) planFor(account, `_INBOX.x.${at}`);
    expect(account.matchCount).toBe(11);
  });

  it("leave nothing behind of one-off subjects", () => {
    const account = accountOf();
    for (let at = 0; at < 10_000; at++) planFor(account, `_INBOX.${at}.1`);
    expect(account.routes.size).toBe(0);
  });

  it("do not remember a subscription that was never in", () => {
    const account = accountOf();
    const stranger = new Subscription(new FakeSubscriber("s"), "a", null, "1");
    account.remove(stranger);
    expect([account.removeCount, stranger.dead]).toEqual([0, true]);
  });

  it("move the generation with every change", () => {
    const account = accountOf();
    const one = new Subscription(new FakeSubscriber("s"), "a.b", null, "1");
    const seen = [account.generation];
    account.add(one);
    seen.push(account.generation);
    account.reconsider(one);
    seen.push(account.generation);
    account.remove(one);
    seen.push(account.generation);
    expect(new Set(seen).size).toBe(4);
  });

  it("add up the traffic of connections that have ended", () => {
    const account = accountOf();
    account.addEnded({ inMessages: 1, inBytes: 2, outMessages: 3, outBytes: 4 });
    account.addEnded({ inMessages: 10, inBytes: 20, outMessages: 30, outBytes: 40 });
    expect(account.endedTraffic).toEqual({ inMessages: 11, inBytes: 22, outMessages: 33, outBytes: 44 });
  });
});
