import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Account } from "../../src/broker/account.ts";
import { Subscription } from "../../src/broker/subscriber.ts";
import { InterestLedger, type InterestLink } from "../../src/leaf/interest.ts";
import { FakeSubscriber } from "../broker/fake-subscriber.ts";

const unlimited = { maxConnections: -1, maxSubscriptions: -1, maxPayloadBytes: -1 };

/** Keeps what it was told, as the other end of a link does. */
class FakeLink implements InterestLink {
  readonly name: string;
  readonly seesAll: boolean;
  readonly blind: ReadonlySet<string>;
  readonly told = new Map<string, number>();
  lines = 0;

  constructor(name: string, blind: readonly string[] = []) {
    this.name = name;
    this.blind = new Set(blind);
    this.seesAll = blind.length === 0;
  }

  sees(other: InterestLink): boolean {
    return !this.blind.has((other as FakeLink).name);
  }

  mayAsk(subject: string): boolean {
    return !subject.startsWith("denied");
  }

  announce(subject: string, queue: string | null, weight: number): void {
    this.lines++;
    const key = queue === null ? subject : `${subject} ${queue}`;
    if (queue === null) expect(this.told.has(key)).toBe(weight === 0);
    else expect(this.told.get(key) ?? 0).not.toBe(weight);
    if (weight === 0) this.told.delete(key);
    else this.told.set(key, queue === null ? 1 : weight);
  }
}

type Step =
  | { readonly do: "add"; readonly subject: string; readonly queue: string | null }
  | { readonly do: "remove"; readonly place: number }
  | {
      readonly do: "link";
      readonly link: number;
      readonly subject: string;
      readonly queue: string | null;
      readonly weight: number;
    }
  | { readonly do: "pin"; readonly subjects: string[] };

const subject = fc.constantFrom("a", "a.*", "b.>", "denied.x");
const queue = fc.constantFrom(null, null, "q", "w");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("add" as const), subject, queue }),
  fc.record({ do: fc.constant("remove" as const), place: fc.nat() }),
  fc.record({ do: fc.constant("link" as const), link: fc.nat(2), subject, queue, weight: fc.nat(3) }),
  fc.record({ do: fc.constant("pin" as const), subjects: fc.uniqueArray(subject, { maxLength: 2 }) }),
);

describe("the interest of an account", () => {
  test("is what every link was told, however it came about", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const account = new Account("A", unlimited, 1);
        const ledger = new InterestLedger(account);
        const links = [new FakeLink("0"), new FakeLink("1", ["0"]), new FakeLink("2", ["0", "1"])];
        for (const link of links) ledger.join(link);
        const here = new FakeSubscriber("here");
        const inside: Subscription[] = [];
        const behind = new Map<
          string,
          { link: FakeLink; subject: string; queue: string | null; weight: number }
        >();
        let pinned: string[] = [];
        for (const each of steps) {
          if (each.do === "add") {
            const made = new Subscription(here, each.subject, each.queue, "1");
            inside.push(made);
            account.add(made);
          } else if (each.do === "remove") {
            const [gone] = inside.splice(each.place % Math.max(1, inside.length), 1);
            if (gone !== undefined) account.remove(gone);
          } else if (each.do === "pin") {
            pinned = each.subjects;
            ledger.pin(pinned);
          } else {
            const link = links[each.link] as FakeLink;
            const weight = each.queue === null ? Math.min(1, each.weight) : each.weight;
            behind.set(`${each.link} ${each.subject} ${each.queue}`, {
              link,
              subject: each.subject,
              queue: each.queue,
              weight,
            });
            ledger.changed(link, each.subject, each.queue, weight);
          }
        }
        for (const link of links) {
          const expected = new Map<string, number>();
          const count = (to: string, group: string | null, weight: number): void => {
            if (weight === 0 || !link.mayAsk(to)) return;
            const key = group === null ? to : `${to} ${group}`;
            expected.set(key, group === null ? 1 : (expected.get(key) ?? 0) + weight);
          };
          for (const to of pinned) count(to, null, 1);
          for (const each of inside) count(each.subject, each.queue, 1);
          for (const each of behind.values())
            if (each.link !== link && link.sees(each.link)) count(each.subject, each.queue, each.weight);
          expect(link.told).toEqual(expected);
          // What somebody who joins now would be told first.
          const late = new Map<string, number>();
          for (const interest of ledger.interests()) {
            const weight = ledger.visibleTo(link, interest);
            const key = interest.queue === null ? interest.subject : `${interest.subject} ${interest.queue}`;
            if (weight > 0) late.set(key, interest.queue === null ? 1 : weight);
          }
          expect(late).toEqual(expected);
        }
      }),
      { numRuns: 400 },
    );
  });

  test("costs nothing where there is no link, and is there when one comes", () => {
    const account = new Account("A", unlimited, 1);
    const ledger = new InterestLedger(account);
    ledger.pin(["p"]);
    account.add(new Subscription(new FakeSubscriber("here"), "a", null, "1"));
    expect([ledger.size, account.interestObservers.size]).toEqual([0, 0]);
    const link = new FakeLink("0");
    ledger.join(link);
    expect([...ledger.interests()].map((interest) => interest.subject).sort()).toEqual(["a", "p"]);
    ledger.leave(link);
    expect([ledger.size, account.interestObservers.size]).toEqual([0, 0]);
  });

  test("of a hundred thousand subscriptions is told once for each subject", () => {
    const account = new Account("A", unlimited, 1);
    const ledger = new InterestLedger(account);
    const links = Array.from({ length: 10 }, (_, at) => new FakeLink(`${at}`));
    for (const link of links) ledger.join(link);
    const here = new FakeSubscriber("here");
    for (let at = 0; at < 100_000; at++)
      account.add(new Subscription(here, `s.${at % 1_000}`, null, `${at}`));
    for (const link of links) expect([link.lines, link.told.size]).toEqual([1_000, 1_000]);
    expect(ledger.size).toBe(1_000);
  });
});
