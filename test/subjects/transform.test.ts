import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { MappingError } from "../../src/subjects/mapping-error.ts";
import { textFromWire, wireFromText } from "../../src/subjects/subject.ts";
import { placeholdersFor, SubjectTransform } from "../../src/subjects/transform.ts";
import { refusedCases, transformCases } from "./transform-table.ts";
import { processorMs } from "../fixture/processor-time.ts";

const token = fc.stringMatching(/^[a-c-]{1,6}$/);

function applied(source: string, destination: string, subject: string): string | null {
  return SubjectTransform.parse(source, destination).apply(subject);
}

/** Throws unless `make` throws a MappingError with just this message. */
function expectRefusal(make: () => unknown, message: string): void {
  let error: unknown;
  try {
    make();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(MappingError);
  expect((error as MappingError).message).toBe(message);
}

describe("applying", () => {
  const rows = transformCases.flatMap(({ source, destination, subjects }) =>
    Object.entries(subjects).map(([subject, expected]) => [source, destination, subject, expected] as const),
  );

  it.each(rows)("%s to %s takes %s to %s", (source, destination, subject, expected) => {
    for (const parse of ["parse", "parseForMapping"] as const) {
      const transform = SubjectTransform[parse](wireFromText(source), wireFromText(destination));
      const result = transform.apply(wireFromText(subject));
      expect(result === null ? subject : textFromWire(result)).toBe(expected);
    }
  });

  it("gives null for a subject that the source does not cover", () => {
    const transform = SubjectTransform.parse("a.*.>", "b.$1.>");
    for (const subject of ["", "a", "a.b", "b.c.d", "a..c"]) expect(transform.apply(subject)).toBeNull();
    expect(transform.apply("a.b.c")).toBe("b.b.c");
  });

  it("takes an empty source for everything", () => {
    expect(SubjectTransform.parse("", "copy.>").source).toBe(">");
    expect(applied("", "copy.>", "a.b")).toBe("copy.a.b");
    expect(applied("", ">", "a.b")).toBe("a.b");
  });

  it("hashes the whole subject when the source is a literal, whatever partition() asks for", () => {
    // FNV-1a of "foobar" is 0xbf9cf968, a published test vector.
    expect(applied("foobar", "o.{{partition(1000)}}", "foobar")).toBe(`o.${0xbf9cf968 % 1000}`);
    expect(applied("foobar", "o.{{partition(1000,3,4)}}", "foobar")).toBe(`o.${0xbf9cf968 % 1000}`);
  });

  it("hashes tokens as if they stood together", () => {
    const expected = `o.${0xbf9cf968 % 1000}`;
    expect(applied("a.*.*", "o.{{partition(1000,1,2)}}", "a.foo.bar")).toBe(expected);
    expect(applied("a.*.*", "o.{{partition(1000,2,1)}}", "a.bar.foo")).toBe(expected);
    expect(applied("a.*.*", "o.{{partition(1000,1,2)}}", "a.f.oobar")).toBe(expected);
  });

  it("leaves one dot of several delimiters at the start, as the reference server does", () => {
    expect(applied("a.*", "o.{{split(1,-)}}", "a.--x")).toBe("o..x");
    expect(applied("a.*", "o.{{split(1,-)}}", "a.-")).toBe("o.");
  });

  it("splits bytes that are not UTF-8 one by one", () => {
    expect(applied("a.*", "o.{{split(1,)}}", "a.\u00c3\u00a9\u00c3x\u00ff")).toBe(
      "o.\u00c3\u00a9.\u00c3.x.\u00ff",
    );
  });

  it("ends a function's parentheses on the line where they opened", () => {
    expect(applied("a.*", "o.{{wildcard(1)\n}}", "a.x")).toBe("o.x");
    expect(applied("a.*", "o.{{wildcard(\n{{wildcard(1)}}", "a.x")).toBe("o.x");
    expectRefusal(
      () => SubjectTransform.parse("a.*", "o.{{wildcard(\n1)}}"),
      "invalid mapping destination: unknown function in {{wildcard(\n1)}}",
    );
  });

  it("draws below the ceiling", () => {
    const transform = SubjectTransform.parse("a.*", "o.{{random(5)}}");
    expect(transform.isRandom).toBe(true);
    expect(SubjectTransform.parse("a.*", "o.{{partition(5)}}").isRandom).toBe(false);
    const drawn = new Set(Array.from({ length: 300 }, () => transform.apply("a.x")));
    expect(drawn).toEqual(new Set(["o.0", "o.1", "o.2", "o.3", "o.4"]));
    expect(transform.apply("a.x", () => 0)).toBe("o.0");
    expect(transform.apply("a.x", () => 7 / 2 ** 31)).toBe("o.2");
    expect(transform.apply("a.x", () => 1 - 2 ** -53)).toBe(`o.${(2 ** 31 - 1) % 5}`);
  });

  it("loses no byte when it cuts", () => {
    const cuts = ["splitfromleft", "splitfromright", "slicefromleft", "slicefromright"];
    fc.assert(
      fc.property(fc.constantFrom(...cuts), token, fc.integer({ min: -1, max: 8 }), (name, value, length) => {
        const result = applied("a.*", `o.{{${name}(1,${length})}}`, `a.${value}`) as string;
        const pieces = result.split(".").slice(1);
        expect(pieces.join("")).toBe(value);
        expect(pieces).not.toContain("");
        if (!name.startsWith("slice") || length <= 0) return;
        const whole = name === "slicefromleft" ? pieces.slice(0, -1) : pieces.slice(1);
        expect(whole.every((piece) => piece.length === length)).toBe(true);
        expect(pieces.every((piece) => piece.length <= length)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe("refusing", () => {
  it.each(refusedCases)("$source to $destination", ({ source, destination, message }) => {
    expectRefusal(
      () => SubjectTransform.parseForMapping(wireFromText(source), wireFromText(destination)),
      message,
    );
  });

  it.each([
    ["a..b", "c"],
    ["a.>.b", "c"],
    ["a", ""],
    ["a", "b."],
    ["a.*", "b.*"],
    ["a.>", "b"],
    ["a", "b.>"],
  ])("refuses %j to %j as an invalid subject wherever it stands", (source, destination) => {
    expectRefusal(() => SubjectTransform.parse(source, destination), "invalid subject");
    expectRefusal(() => SubjectTransform.parseForImport(source, destination), "invalid subject");
  });

  it("lets white space pass in a republish destination only", () => {
    expect(applied("a", "b c", "a")).toBe("b c");
    expectRefusal(
      () => SubjectTransform.parseForMapping("a", "b c"),
      "invalid mapping destination: invalid transform",
    );
  });

  it("stays quick on a destination as long as a payload", () => {
    const hostile = [
      "{{wildcard(",
      "{{",
      ")",
      ") ",
      "{{wildcard(\n",
      "{{wildcard(\n)}}",
      "{{split(1,)}}x",
    ].map((piece) => `{{${piece.repeat(200_000 / piece.length)}}}`);
    const took = processorMs(() => {
      for (const destination of hostile) {
        try {
          SubjectTransform.parseForMapping("a.*", destination);
        } catch (error) {
          expect(error).toBeInstanceOf(MappingError);
        }
      }
    });
    // Milliseconds when linear; minutes when quadratic.
    expect(took).toBeLessThan(10_000);
  });
});

describe("imports", () => {
  const onlyWildcards =
    "invalid mapping destination: the only mapping function allowed for import transforms is {{Wildcard()}}";

  it.each(["{{partition(3,1)}}", "{{split(1,-)}}", "{{left(1,1)}}", "{{random(3)}}"])(
    "refuses %s",
    (call) => {
      expectRefusal(() => SubjectTransform.parseForImport("a.*", `b.${call}`), `${onlyWildcards} in ${call}`);
    },
  );

  it("refuses to leave a wildcard out", () => {
    const message = "invalid mapping destination: not using all of the token wildcard(s) in b.$1";
    expectRefusal(() => SubjectTransform.parseForImport("a.*.*", "b.$1"), message);
    expect(SubjectTransform.parse("a.*.*", "b.$1").apply("a.x.y")).toBe("b.x");
  });

  it.each([
    ["a.b", "c.d", "a.b", "c.d"],
    ["a.*", "b.$1", "a.x", "b.x"],
    ["a.*.*", "b.$2.{{wildcard(1)}}", "a.x.y", "b.y.x"],
    ["a.*.*.*", "b.$2.$3.$1", "a.x.y.z", "b.y.z.x"],
    ["a.>", "b.>", "a.x.y", "b.x.y"],
    ["*.a.>", "b.$1.>", "q.a.x", "b.q.x"],
    [">", "in.>", "a.b", "in.a.b"],
    ["a.>", ">", "a.b.c", "b.c"],
  ])("%s to %s can be reversed", (source, destination, subject, expected) => {
    const transform = SubjectTransform.parseForImport(source, destination);
    expect(transform.apply(subject)).toBe(expected);
    expect(transform.reverse()?.apply(expected)).toBe(subject);
  });

  it("reverses a pattern too, for interest that is passed on", () => {
    const back = SubjectTransform.parseForImport("a.*.>", "b.$1.>").reverse();
    expect(back?.apply("b.*.>")).toBe("a.*.>");
    expect(back?.apply("b.x.*.y")).toBe("a.x.*.y");
    expect(back?.apply(">")).toBeNull();
  });

  it("does not reverse what loses something", () => {
    expect(SubjectTransform.parse("a.*.*", "b.$1").reverse()).toBeNull();
    expect(SubjectTransform.parse("a.*", "b.$1.{{partition(3,1)}}").reverse()).toBeNull();
    expect(SubjectTransform.parseForImport("a.*", "b.$0").reverse()).toBeNull();
  });

  it("finds the way back for any order of wildcards", () => {
    const permutation = fc.integer({ min: 1, max: 5 }).chain((count) => {
      const order = Array.from({ length: count }, (_, at) => at + 1);
      return fc.shuffledSubarray(order, { minLength: count });
    });
    fc.assert(
      fc.property(permutation, fc.array(token, { minLength: 5, maxLength: 5 }), (order, values) => {
        const source = ["s", ...order.map(() => "*")].join(".");
        const transform = SubjectTransform.parseForImport(
          source,
          ["d", ...order.map((at) => `$${at}`)].join("."),
        );
        const subject = ["s", ...values.slice(0, order.length)].join(".");
        const mapped = transform.apply(subject) as string;
        expect(mapped).toBe(["d", ...order.map((at) => values[at - 1])].join("."));
        expect(transform.reverse()?.apply(mapped)).toBe(subject);
      }),
      { numRuns: 200 },
    );
  });
});

it("numbers the wildcards of a pattern", () => {
  expect(placeholdersFor("foo.*.x.*.>")).toBe("foo.$1.x.$2.>");
  expect(placeholdersFor("foo.a*")).toBe("foo.a*");
});
