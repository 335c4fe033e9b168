import { describe, expect, it } from "vitest";
import fc from "fast-check";
import type { MappingOptions } from "../../src/config/options.ts";
import { MappingError } from "../../src/subjects/mapping-error.ts";
import { SubjectMappings } from "../../src/subjects/mapping.ts";
import { isCoveredBy } from "../../src/subjects/subject.ts";
import { SubjectTransform } from "../../src/subjects/transform.ts";

function mapping(
  source: string,
  ...destinations: [subject: string, weightPercent: number][]
): MappingOptions {
  return {
    source,
    destinations: destinations.map(([subject, weightPercent]) => ({ subject, weightPercent })),
  };
}

function simple(pairs: readonly (readonly [string, string])[], random?: () => number): SubjectMappings {
  return new SubjectMappings(
    pairs.map(([source, destination]) => mapping(source, [destination, 100])),
    random,
  );
}

/** How often each result comes when the random source passes evenly over its range. */
function shares(mappings: MappingOptions[], subject: string): Record<string, number> {
  const count: Record<string, number> = {};
  let at = 0;
  const account = new SubjectMappings(mappings, () => (at + 0.5) / 100);
  for (; at < 100; at++) {
    const result = account.map(subject) ?? "(dropped)";
    count[result] = (count[result] ?? 0) + 1;
  }
  return count;
}

describe("choosing a mapping", () => {
  it("leaves everything alone when there is none", () => {
    const none = new SubjectMappings([]);
    expect(none.isEmpty).toBe(true);
    expect(none.map("a.b")).toBe("a.b");
    expect(none.describe("a.b")).toBeNull();
  });

  it("maps once, by the first that covers the subject", () => {
    const mappings = simple([
      ["a.x", "first"],
      ["a.*", "second.$1"],
      ["second.*", "third"],
      ["*.z", "any.$1"],
      ["a.z.>", "never.>"],
    ]);
    expect(mappings.isEmpty).toBe(false);
    expect(mappings.map("a.x")).toBe("first");
    expect(mappings.map("a.y")).toBe("second.y");
    expect(mappings.map("a.z")).toBe("second.z");
    expect(mappings.map("b.z")).toBe("any.b");
    expect(mappings.map("b.y")).toBe("b.y");
    expect(mappings.map("second.q")).toBe("third");
    expect(mappings.map("")).toBe("");
  });

  it("prefers the order given to how special a source is", () => {
    expect(
      simple([
        ["a.>", "wide.>"],
        ["a.b", "narrow"],
      ]).map("a.b"),
    ).toBe("wide.b");
    expect(
      simple([
        [">", "all.>"],
        ["a.b", "narrow"],
      ]).map("a.b"),
    ).toBe("all.a.b");
    expect(
      simple([
        ["a.b", "narrow"],
        [">", "all.>"],
      ]).map("a.b"),
    ).toBe("narrow");
  });

  it("lets a later mapping replace an earlier one for the same source, in its place", () => {
    const mappings = simple([
      ["a.*", "old"],
      ["a.b", "narrow"],
      ["a.*", "new"],
    ]);
    expect(mappings.map("a.b")).toBe("new");
  });

  it("takes a subject with wildcards literally", () => {
    const mappings = simple([["a.*", "b.$1"]]);
    expect(mappings.map("a.*")).toBe("b.*");
    expect(mappings.map("a.>")).toBe("a.>");
  });

  it("equals trying each source in turn", () => {
    const name = fc.constantFrom("a", "b", "c");
    const sources = fc.uniqueArray(
      fc
        .tuple(
          fc.array(fc.oneof(name, fc.constant("*")), { maxLength: 2 }),
          fc.oneof(name, fc.constantFrom("*", ">")),
        )
        .map(([tokens, last]) => [...tokens, last].join(".")),
      { maxLength: 6 },
    );
    const subject = fc.array(name, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));
    fc.assert(
      fc.property(sources, subject, (patterns, published) => {
        const pairs = patterns.map(
          (source, at) => [source, `to${at}${source.endsWith(">") ? ".>" : ""}`] as const,
        );
        const found = pairs.find(([source]) => isCoveredBy(published, source));
        const expected = found === undefined ? published : SubjectTransform.parse(...found).apply(published);
        expect(simple(pairs).map(published)).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });
});

describe("weights", () => {
  it("shares as configured", () => {
    expect(shares([mapping("a.*", ["x.$1", 20], ["y.$1", 50], ["z.$1", 30])], "a.q")).toEqual({
      "x.q": 20,
      "y.q": 50,
      "z.q": 30,
    });
  });

  it("leaves the rest unmapped", () => {
    expect(shares([mapping("a.*", ["x.$1", 25])], "a.q")).toEqual({ "x.q": 25, "a.q": 75 });
    expect(shares([mapping("a.>", ["x.>", 1])], "a.q.r")).toEqual({ "x.q.r": 1, "a.q.r": 99 });
    expect(shares([mapping("a", ["x", 0])], "a")).toEqual({ a: 100 });
    expect(shares([mapping("a")], "a")).toEqual({ a: 100 });
  });

  it("drops the rest when the source is listed", () => {
    expect(shares([mapping("a", ["a", 60], ["b", 30])], "a")).toEqual({ a: 60, b: 30, "(dropped)": 10 });
    expect(shares([mapping("a.>", ["a.>", 60])], "a.q")).toEqual({ "a.q": 60, "(dropped)": 40 });
    expect(shares([mapping("a", ["a", 0])], "a")).toEqual({ "(dropped)": 100 });
  });

  it("draws no number for a mapping with a single destination", () => {
    const mappings = simple([["a", "b"]], () => {
      throw new Error("drawn");
    });
    expect(mappings.map("a")).toBe("b");
  });

  it("draws {{random()}} from the same source", () => {
    const mappings = simple([["a.*", "b.{{random(10)}}"]], () => 13 / 2 ** 31);
    expect(mappings.map("a.x")).toBe("b.3");
  });

  it.each([
    [mapping("a", ["x", 60], ["y", 50]), "total weight needs to be <= 100"],
    [mapping("a", ["x", 101]), "individual weights need to be <= 100"],
    [mapping("a", ["x", -1]), "Invalid weight -1 for mapping destination"],
    [mapping("a", ["x", 0.5]), "Invalid weight 0.5 for mapping destination"],
    [mapping("a", ["x", Number.NaN]), "Invalid weight NaN for mapping destination"],
    [mapping("a", ["x", 60], ["x", 20]), 'duplicate entry for "x"'],
    [mapping("a..b", ["x", 100]), "invalid subject"],
    [mapping("a b", ["x", 100]), "invalid subject"],
    [mapping("a", ["", 100]), "invalid mapping destination: invalid transform"],
    [mapping("a.*", ["x.$2", 100]), "invalid mapping destination: wildcard index out of range in $2: [2]"],
  ])("refuses %j", (options, message) => {
    expect(() => new SubjectMappings([options])).toThrow(new MappingError(message));
  });
});

describe("describing", () => {
  it("names the mapping and where the subject may go", () => {
    const mappings = new SubjectMappings([
      mapping("a.*.*", ["x.$2.{{left(1,1)}}", 30], ["y.{{random(3)}}", 20]),
    ]);
    expect(mappings.describe("a.foo.bar")).toEqual({
      source: "a.*.*",
      destinations: [
        { destination: "x.$2.{{left(1,1)}}", subject: "x.bar.f", percent: 30 },
        { destination: "y.{{random(3)}}", subject: null, percent: 20 },
        { destination: "a.$1.$2", subject: "a.foo.bar", percent: 50 },
      ],
      droppedPercent: 0,
    });
    expect(mappings.describe("a.foo")).toBeNull();
  });

  it("tells what is dropped", () => {
    const mappings = new SubjectMappings([mapping("a", ["a", 60])]);
    expect(mappings.describe("a")).toEqual({
      source: "a",
      destinations: [{ destination: "a", subject: "a", percent: 60 }],
      droppedPercent: 40,
    });
  });

  it("leaves out what never happens", () => {
    const mappings = new SubjectMappings([mapping("a", ["b", 100], ["c", 0])]);
    expect(mappings.describe("a")?.destinations.map(({ destination }) => destination)).toEqual(["b"]);
  });
});
