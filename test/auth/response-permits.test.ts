import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Permissions } from "../../src/auth/permissions.ts";
import { ResponsePermits } from "../../src/auth/response-permits.ts";
import { open, permissionsOf } from "./permission-model.ts";

function permits(maxMessages: number, expiresMs: number, publishAllow?: string[]): ResponsePermits {
  const responses = { maxMessages, expiresMs };
  return new ResponsePermits(
    new Permissions(permissionsOf(publishAllow === undefined ? { responses } : { responses, publishAllow })),
  );
}

describe("a reply subject", () => {
  test("that was never received may not be published to", () => {
    expect(permits(1, 1000).allows("_INBOX.a", 0)).toBe(false);
  });

  test("may be published to once, by default", () => {
    const granted = permits(0, 0);
    granted.grant("_INBOX.a", 0);
    expect(granted.allows("_INBOX.b", 1)).toBe(false);
    expect(granted.allows("_INBOX.a", 1)).toBe(true);
    expect(granted.allows("_INBOX.a", 1)).toBe(false);
    expect(granted.size).toBe(0);
  });

  test("may be published to as often as the terms say", () => {
    const granted = permits(3, 1000);
    granted.grant("r", 0);
    expect([1, 2, 3, 4].map((ms) => granted.allows("r", ms))).toEqual([true, true, true, false]);
  });

  test("is open as long as the terms say, the last moment included", () => {
    const granted = permits(-1, 1000);
    granted.grant("r", 500);
    expect(granted.allows("r", 1500)).toBe(true);
    expect(granted.allows("r", 1501)).toBe(false);
    expect(granted.allows("r", 1500)).toBe(false);
    expect(granted.size).toBe(0);
  });

  test("is open for ever, for any number, where the terms are negative", () => {
    const granted = permits(-1, -1);
    granted.grant("r", 0);
    for (let n = 0; n < 1000; n++) expect(granted.allows("r", n * 1e9)).toBe(true);
  });

  test("earns anew with each request that carries it", () => {
    const granted = permits(1, 1000);
    granted.grant("r", 0);
    granted.grant("r", 900);
    expect(granted.size).toBe(1);
    expect(granted.allows("r", 1800)).toBe(true);
    expect(granted.allows("r", 1800)).toBe(false);
    granted.grant("r", 1900);
    expect(granted.allows("r", 1900)).toBe(true);
  });

  test("that may be published to anyway takes no place", () => {
    const granted = permits(1, 1000, ["_INBOX.>"]);
    granted.grant("_INBOX.a", 0);
    granted.grant("other.a", 0);
    expect(granted.size).toBe(1);
    expect(granted.allows("other.a", 0)).toBe(true);
  });
});

describe("bounds", () => {
  test("expired grants go when new ones come", () => {
    const granted = permits(1, 1000);
    for (let n = 0; n < 100; n++) granted.grant(`r.${n}`, n);
    granted.grant("new", 1050);
    expect(granted.size).toBe(51);
    expect(granted.allows("r.49", 1050)).toBe(false);
    expect(granted.allows("r.50", 1050)).toBe(true);
  });

  test("the oldest go first when there are too many", () => {
    const granted = permits(1, -1);
    for (let n = 0; n < 65_536 + 10; n++) granted.grant(`r.${n}`, 0);
    expect(granted.size).toBe(65_536);
    expect(granted.allows("r.9", 0)).toBe(false);
    expect(granted.allows("r.10", 0)).toBe(true);
    expect(granted.allows("r.65545", 0)).toBe(true);
  });

  test("the oldest go first when their subjects hold too many bytes", () => {
    const granted = permits(1, -1);
    const tail = "x".repeat(4000);
    for (let n = 0; n < 3000; n++) granted.grant(`r.${n}.${tail}`, 0);
    expect(granted.size).toBeGreaterThan(1000);
    expect(granted.size * 4000).toBeLessThan(4.5 * 1024 * 1024);
    expect(granted.allows(`r.2999.${tail}`, 0)).toBe(true);
    expect(granted.allows(`r.0.${tail}`, 0)).toBe(false);
  });

  test("a reply larger than all the room is not kept, and takes nothing else's place for good", () => {
    const granted = permits(1, -1);
    granted.grant("x".repeat(5 * 1024 * 1024), 0);
    expect(granted.size).toBe(0);
    granted.grant("r", 0);
    expect(granted.allows("r", 0)).toBe(true);
  });
});

describe("after a reload", () => {
  test("requests already delivered stay answerable under the same terms", () => {
    const granted = permits(1, 1000);
    granted.grant("r", 0);
    granted.update(
      new Permissions(permissionsOf({ publishAllow: ["x"], responses: { maxMessages: 1, expiresMs: 1000 } })),
    );
    expect(granted.allows("r", 1)).toBe(true);
  });

  test("other terms begin with nothing granted", () => {
    const granted = permits(1, 1000);
    granted.grant("r", 0);
    granted.update(new Permissions(permissionsOf({ responses: { maxMessages: 2, expiresMs: 1000 } })));
    expect(granted.allows("r", 1)).toBe(false);
    granted.grant("r", 1);
    expect([granted.allows("r", 1), granted.allows("r", 1), granted.allows("r", 1)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test("no terms, no grants", () => {
    const granted = permits(1, 1000);
    granted.grant("r", 0);
    granted.update(new Permissions(open));
    expect(granted.allows("r", 1)).toBe(false);
    granted.grant("r", 1);
    expect(granted.size).toBe(0);
  });
});

test("equal to the plain rules, in any order of events", () => {
  const event = fc.record({
    kind: fc.constantFrom("grant", "publish"),
    reply: fc.constantFrom("a", "b", "c"),
    afterMs: fc.nat(40),
  });
  fc.assert(
    fc.property(
      fc.constantFrom(-1, 1, 2, 3),
      fc.constantFrom(-1, 50, 100),
      fc.array(event),
      (max, ttl, events) => {
        const granted = permits(max, ttl);
        const model = new Map<string, { atMs: number; used: number }>();
        let nowMs = 0;
        for (const { kind, reply, afterMs } of events) {
          nowMs += afterMs;
          if (kind === "grant") {
            granted.grant(reply, nowMs);
            model.set(reply, { atMs: nowMs, used: 0 });
            continue;
          }
          const known = model.get(reply);
          const fresh =
            known !== undefined && (ttl < 0 || nowMs - known.atMs <= ttl) && (max < 0 || known.used < max);
          if (known !== undefined) known.used++;
          expect(granted.allows(reply, nowMs)).toBe(fresh);
        }
      },
    ),
    { numRuns: 500 },
  );
});
