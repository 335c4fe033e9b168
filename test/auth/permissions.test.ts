import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Permissions } from "../../src/auth/permissions.ts";
import {
  isDenied,
  literal,
  mayPublish,
  maySubscribe,
  open,
  pattern,
  permissionsOf,
  permissionsOptions,
  queueName,
} from "./permission-model.ts";

describe("publish", () => {
  const listed = new Permissions(
    permissionsOf({ publishAllow: ["p.*", "l.a", "deep.>"], publishDeny: ["p.no", "deep.*.secret"] }),
  );
  test.each([
    ["p.a", true],
    ["p.no", false],
    ["p.a.z", false],
    ["p", false],
    ["l.a", true],
    ["l.b", false],
    ["deep.x", true],
    ["deep.x.secret", false],
    ["deep.x.secret.y", true],
    ["deep", false],
    // Wildcards in a published subject are text.
    ["p.*", true],
    ["p.>", true],
    ["l.*", false],
    [">", false],
    ["p.*x", true],
    // A subject with an empty token is on no list.
    ["p.", false],
    ["deep..x", false],
    [".deep", false],
    ["", false],
  ])("to %j: %s", (subject, allowed) => {
    expect(listed.canPublish(subject)).toBe(allowed);
  });

  test("without an allow list, all but what is denied", () => {
    const permissions = new Permissions(permissionsOf({ publishDeny: ["no.>"] }));
    expect(permissions.restrictsPublish).toBe(true);
    expect(permissions.canPublish("yes.a")).toBe(true);
    expect(permissions.canPublish("no.a")).toBe(false);
    expect(permissions.canPublish("no")).toBe(true);
  });

  test("without lists, everything", () => {
    const permissions = new Permissions(open);
    expect(permissions.restrictsPublish).toBe(false);
    expect(permissions.canPublish("any.thing")).toBe(true);
  });

  test("an empty allow list allows nothing", () => {
    const permissions = new Permissions(permissionsOf({ publishAllow: [] }));
    expect(permissions.restrictsPublish).toBe(true);
    expect(permissions.canPublish("a")).toBe(false);
  });

  test("a subject is compared byte by byte", () => {
    const permissions = new Permissions(permissionsOf({ publishAllow: ["caf\u00c3\u00a9.*"] }));
    expect(permissions.canPublish("caf\u00c3\u00a9.x")).toBe(true);
    expect(permissions.canPublish("caf\u00c3\u00a8.x")).toBe(false);
  });

  test("names that objects are born with are ordinary tokens", () => {
    const permissions = new Permissions(permissionsOf({ publishAllow: ["a.b"] }));
    for (const token of ["__proto__", "constructor", "toString"]) {
      expect(permissions.canPublish(token)).toBe(false);
      expect(permissions.canPublish(`a.${token}`)).toBe(false);
    }
  });
});

describe("subscribe", () => {
  const listed = new Permissions(
    permissionsOf({
      subscribeAllow: ["foo.*", "bar.>", "one"],
      subscribeDeny: ["bar.x.*", "bar.no"],
    }),
  );
  test.each([
    ["foo.a", true],
    ["foo.*", true],
    // The reference server accepts this one, and shows all of foo.a.b.c to a user who was allowed foo.*.
    ["foo.>", false],
    ["foo", false],
    ["*", false],
    [">", false],
    ["*.a", false],
    ["one", true],
    ["bar.>", true],
    ["bar.*", true],
    ["bar.*.*", true],
    ["bar.*.>", true],
    ["bar.no", false],
    ["bar.x", true],
    ["bar.x.y", false],
    ["bar.x.*", false],
    ["bar.x.>", false],
    ["bar.x.y.z", true],
    ["foo..a", false],
    ["", false],
  ])("to %j: %s", (subject, allowed) => {
    expect(listed.canSubscribe(subject, null)).toBe(allowed);
    // No queue is named in the lists, so the group makes no difference.
    expect(listed.canSubscribe(subject, "workers")).toBe(allowed);
  });

  test.each([
    { allow: ["foo"], subject: "foo", queue: null, allowed: true },
    { allow: ["foo"], subject: "foo", queue: "any", allowed: true },
    { allow: ["foo v1"], subject: "foo", queue: null, allowed: false },
    { allow: ["foo v1"], subject: "foo", queue: "v1", allowed: true },
    { allow: ["foo v1"], subject: "foo", queue: "v2", allowed: false },
    { allow: ["foo", "foo v1"], subject: "foo", queue: null, allowed: true },
    { allow: ["foo", "foo v1"], subject: "foo", queue: "v1", allowed: true },
    { allow: ["foo", "foo v1"], subject: "foo", queue: "v2", allowed: false },
    { allow: ["foo.*", "foo.a v1"], subject: "foo.*", queue: "v2", allowed: true },
    { allow: ["foo v1.*"], subject: "foo", queue: "v1.x", allowed: true },
    { allow: ["foo v1.*"], subject: "foo", queue: "v1", allowed: false },
    { allow: ["foo v1.*"], subject: "foo", queue: "v1.*", allowed: true },
    { allow: ["foo v1.*"], subject: "foo", queue: "v1.>", allowed: false },
    { allow: ["foo v1.*"], subject: "foo", queue: "v1.", allowed: false },
    { allow: ["foo >"], subject: "foo", queue: "v1.x.y", allowed: true },
    { allow: ["foo >"], subject: "foo", queue: null, allowed: false },
    { allow: ["foo.> v1"], subject: "foo.*.x", queue: "v1", allowed: true },
    { allow: ["foo", "bar v1", "baz v2"], subject: "bar", queue: "v2", allowed: false },
  ])("queue-qualified allow %o", ({ allow, subject, queue, allowed }) => {
    const permissions = new Permissions(permissionsOf({ subscribeAllow: allow }));
    expect(permissions.canSubscribe(subject, queue)).toBe(allowed);
  });

  test.each([
    { deny: ["foo v1"], subject: "foo", queue: null, allowed: true },
    { deny: ["foo v1"], subject: "foo", queue: "v1", allowed: false },
    { deny: ["foo v1"], subject: "foo", queue: "v2", allowed: true },
    { deny: ["foo"], subject: "foo", queue: "v2", allowed: false },
    { deny: ["foo v1.*"], subject: "foo", queue: "v1.x", allowed: false },
    { deny: ["foo v1.*"], subject: "foo", queue: "v1.x.y", allowed: true },
    { deny: ["foo >"], subject: "foo", queue: "v1", allowed: false },
    { deny: ["foo >"], subject: "foo", queue: null, allowed: true },
    { deny: ["foo.* v1"], subject: "foo.>", queue: "v1", allowed: false },
    { deny: ["foo.bar v1"], subject: "foo.*", queue: "v1", allowed: true },
  ])("queue-qualified deny %o", ({ deny, subject, queue, allowed }) => {
    const permissions = new Permissions(permissionsOf({ subscribeDeny: deny }));
    expect(permissions.canSubscribe(subject, queue)).toBe(allowed);
  });

  test("an empty allow list allows nothing", () => {
    const permissions = new Permissions(permissionsOf({ subscribeAllow: [] }));
    expect(permissions.canSubscribe("a", null)).toBe(false);
    expect(permissions.canSubscribe(">", "q")).toBe(false);
  });
});

describe("a subscription wider than a deny", () => {
  const permissions = new Permissions(permissionsOf({ subscribeDeny: ["foo.*.secret", "bar", "baz.a q.*"] }));

  test.each([
    [">", null, true],
    ["foo.>", null, true],
    ["foo.*.*", null, true],
    ["*.b.*", null, true],
    ["*", null, true],
    ["foo.*", null, false],
    ["foo.*.public", null, false],
    ["other.>", null, false],
    ["baz.*", null, false],
    ["baz.*", "q.1", true],
    ["baz.*", "r", false],
    ["baz.>", "q.1", true],
    // Literal subjects were settled when the subscription was made.
    ["foo.a", null, false],
    ["baz.b", "q.1", false],
  ])("%j in queue %j is filtered: %s", (subject, queue, filtered) => {
    expect(permissions.canSubscribe(subject, queue)).toBe(true);
    expect(permissions.filtersSubscription(subject, queue)).toBe(filtered);
  });

  test("is kept from what the deny covers, and from nothing else", () => {
    expect(permissions.hasDeliveryDenies).toBe(true);
    expect(permissions.deliveryDenied("foo.a.secret", null)).toBe(true);
    expect(permissions.deliveryDenied("foo.a.public", null)).toBe(false);
    expect(permissions.deliveryDenied("bar", null)).toBe(true);
    expect(permissions.deliveryDenied("bar", "q.1")).toBe(true);
    expect(permissions.deliveryDenied("baz.a", null)).toBe(false);
    expect(permissions.deliveryDenied("baz.a", "q.1")).toBe(true);
    expect(permissions.deliveryDenied("baz.a", "r.1")).toBe(false);
  });

  test("can be told which deny is in the way", () => {
    expect(permissions.denyInTheWay("foo.a.secret", null)).toBe("foo.*.secret");
    expect(permissions.denyInTheWay("baz.a", "q.1")).toBe("baz.a q.*");
    expect(permissions.denyInTheWay("baz.a", null)).toBeNull();
  });

  test("without denies there is nothing to filter", () => {
    const allowOnly = new Permissions(permissionsOf({ subscribeAllow: ["a.*"] }));
    expect(allowOnly.hasDeliveryDenies).toBe(false);
    expect(allowOnly.filtersSubscription("a.*", null)).toBe(false);
    expect(allowOnly.deliveryDenied("b", null)).toBe(false);
  });
});

describe("responses", () => {
  test("are not granted unless asked for", () => {
    expect(new Permissions(open).responses).toBeNull();
  });

  test("turn off every other publish when nothing else is allowed", () => {
    const permissions = new Permissions(permissionsOf({ responses: { maxMessages: 3, expiresMs: 500 } }));
    expect(permissions.responses).toEqual({ maxMessages: 3, expiresMs: 500 });
    expect(permissions.restrictsPublish).toBe(true);
    expect(permissions.canPublish("any")).toBe(false);
  });

  test("stand beside an allow list", () => {
    const permissions = new Permissions(
      permissionsOf({ publishAllow: ["a"], responses: { maxMessages: 1, expiresMs: 1 } }),
    );
    expect(permissions.canPublish("a")).toBe(true);
    expect(permissions.canPublish("b")).toBe(false);
  });

  test("zero means the default: one message within two minutes", () => {
    const permissions = new Permissions(permissionsOf({ responses: { maxMessages: 0, expiresMs: 0 } }));
    expect(permissions.responses).toEqual({ maxMessages: 1, expiresMs: 120_000 });
  });
});

describe("what is not valid is named", () => {
  test.each([
    [{ publishAllow: ["a..b"] }, 'subject "a..b" is not a valid subject'],
    [{ publishDeny: ["a.>.b"] }, 'subject "a.>.b" is not a valid subject'],
    [{ publishAllow: ["foo bar"] }, 'subject "foo bar" is not a valid subject'],
    [{ subscribeAllow: [""] }, 'subject "" is not a valid subject'],
    [{ subscribeDeny: ["a v1..x"] }, 'queue "v1..x" is not a valid queue'],
  ])("%o", (parts, message) => {
    expect(() => new Permissions(permissionsOf(parts))).toThrow(new RangeError(message));
  });
});

describe("equal to the plain rules, whatever the lists", () => {
  const runs = { numRuns: 2000 };

  test("for publishing", () => {
    fc.assert(
      fc.property(
        permissionsOptions,
        fc.array(fc.oneof(literal, pattern), { maxLength: 8 }),
        (options, subjects) => {
          const permissions = new Permissions(options);
          for (const subject of subjects) {
            expect(permissions.canPublish(subject)).toBe(mayPublish(options, subject));
            if (!permissions.restrictsPublish) expect(mayPublish(options, subject)).toBe(true);
          }
        },
      ),
      runs,
    );
  });

  test("for subscribing", () => {
    const asked = fc.array(fc.tuple(fc.oneof(literal, pattern), queueName), { maxLength: 8 });
    fc.assert(
      fc.property(permissionsOptions, asked, (options, subscriptions) => {
        const permissions = new Permissions(options);
        for (const [subject, queue] of subscriptions) {
          const allowed = permissions.canSubscribe(subject, queue);
          expect(allowed).toBe(maySubscribe(options, subject, queue, "frond"));
          // Never more than the reference server allows.
          if (allowed) expect(maySubscribe(options, subject, queue, "reference")).toBe(true);
        }
      }),
      runs,
    );
  });

  test("for delivering", () => {
    fc.assert(
      fc.property(permissionsOptions, pattern, literal, queueName, (options, subscribed, subject, queue) => {
        const permissions = new Permissions(options);
        expect(permissions.deliveryDenied(subject, queue)).toBe(isDenied(options, subject, queue));
        expect(permissions.denyInTheWay(subject, queue) !== null).toBe(isDenied(options, subject, queue));
        // A subscription said to need no filter must not need one.
        const isReceived = mayPublish(permissionsOf({ publishAllow: [subscribed] }), subject);
        if (!permissions.canSubscribe(subscribed, queue) || !isReceived) return;
        if (!permissions.filtersSubscription(subscribed, queue)) {
          expect(permissions.deliveryDenied(subject, queue)).toBe(false);
        }
      }),
      runs,
    );
  });

  test("a filter is asked for only where some subject needs it", () => {
    const words = ["a", "b", "c", "z"];
    const subjects = words.flatMap((a) => [
      a,
      ...words.flatMap((b) => [`${a}.${b}`, ...words.map((c) => `${a}.${b}.${c}`)]),
    ]);
    const longer = subjects
      .filter((s) => s.length === 5)
      .flatMap((s) => words.flatMap((d) => [`${s}.${d}`, `${s}.${d}.z`]));
    fc.assert(
      fc.property(permissionsOptions, pattern, queueName, (options, subscribed, queue) => {
        const permissions = new Permissions(options);
        if (!permissions.filtersSubscription(subscribed, queue)) return;
        const receives = new Permissions(permissionsOf({ publishAllow: [subscribed] }));
        const isNeeded = [...subjects, ...longer].some(
          (s) => receives.canPublish(s) && isDenied(options, s, queue),
        );
        expect(isNeeded).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe("hostile subjects", () => {
  const many = new Permissions(
    permissionsOf({
      publishAllow: Array.from({ length: 500 }, (_, n) => `svc.${n}.*.>`).concat("*.*.*.*.*.*.*.*.x", "*.>"),
      subscribeDeny: Array.from({ length: 500 }, (_, n) => `svc.*.${n}.*.*.end`),
    }),
  );

  test("two thousand tokens cost no more than the patterns are deep", () => {
    const long = "a.".repeat(2000).concat("a");
    expect(many.canPublish(long)).toBe(true);
    expect(many.canSubscribe(long, long)).toBe(true);
    const wild = "*.".repeat(2000).concat(">");
    expect(many.canSubscribe(wild, null)).toBe(true);
    expect(many.filtersSubscription(wild, null)).toBe(false);
    expect(many.filtersSubscription("*.*.*.>", null)).toBe(true);
  });

  test("any text at all gets a verdict", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 40 }),
        fc.option(fc.string({ maxLength: 10 })),
        (subject, queue) => {
          expect(many.canPublish(subject)).toBeTypeOf("boolean");
          expect(many.canSubscribe(subject, queue)).toBeTypeOf("boolean");
          expect(many.filtersSubscription(subject, queue)).toBeTypeOf("boolean");
        },
      ),
    );
  });
});
