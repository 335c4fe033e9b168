import { describe, expect, it } from "vitest";
import { SubjectToMiss } from "../../../src/monitor/explain/near-miss.ts";
import { processorMs } from "../../fixture/processor-time.ts";

describe("SubjectToMiss", () => {
  it.each([
    ["orders.new", "Orders.new", "case", "differs in upper and lower case"],
    ["Orders.NEW", "orders.*.x", null, ""],
    ["Orders.NEW", "orders.>", "case", "differs in upper and lower case"],
    [
      "orders.new",
      "orders.n*",
      "part_of_token",
      'has no wildcard in "n*": * and > are wildcards only as whole tokens',
    ],
    [
      "orders.new",
      "ord*",
      "part_of_token",
      'has no wildcard in "ord*": * and > are wildcards only as whole tokens',
    ],
    [
      "orders.new",
      "orders>",
      "part_of_token",
      'has no wildcard in "orders>": * and > are wildcards only as whole tokens',
    ],
    ["orders.new", "other*", null, ""],
    ["orders.new", "orders", "too_short", 'is only the beginning of it; "orders.>" would match'],
    [
      "orders.new.eu",
      "orders.*",
      "too_short",
      'ends in a * that stands for one token; "orders.>" would match',
    ],
    ["orders.new.eu", "*.new", "too_short", 'is only the beginning of it; "*.new.>" would match'],
    ["orders", "orders.>", "too_long", "wants at least one token more"],
    ["orders", "orders.*", "too_long", "wants one token more"],
    ["orders", "orders.new", "too_long", 'wants one token more, "new"'],
    ["orders", "orders.new.eu", null, ""],
    ["orders.new", "oders.new", "spelling", 'is spelt "oders" where the subject has "orders"'],
    ["orders.new", "ordres.*", "spelling", 'is spelt "ordres" where the subject has "orders"'],
    ["orders.created", "orders.craeted", "spelling", 'is spelt "craeted" where the subject has "created"'],
    ["orders", "order", "spelling", 'is spelt "order" where the subject has "orders"'],
    ["orders.new", "orders.old", "one_token", 'has "old" where the subject has "new"'],
    ["orders.new.eu", "items.new.>", "one_token", 'has "items" where the subject has "orders"'],
    ["orders.id1", "orders.id2", "one_token", 'has "id2" where the subject has "id1"'],
    ["new", "old", null, ""],
    ["a.b", "*.c", null, ""],
    ["a.b", "c.d", null, ""],
    ["a.b", "c.>", null, ""],
    ["a.b", "a.*", null, ""],
    ["a.b", ">", null, ""],
    ["a.b", "a.b", null, ""],
  ])("%s and %s", (subject, pattern, kind, text) => {
    const nearness = new SubjectToMiss(subject).nearMiss(pattern);
    expect(nearness === null ? null : nearness.kind).toBe(kind);
    if (nearness !== null) expect(nearness.text).toBe(text);
  });

  it("takes no time for patterns that are made to take it", () => {
    const subject = new SubjectToMiss("a".repeat(200));
    const took = processorMs(() => {
      for (let count = 0; count < 200; count++) subject.nearMiss(`${"*a".repeat(100)}b`);
    });
    expect(took).toBeLessThan(10_000);
  });
});
