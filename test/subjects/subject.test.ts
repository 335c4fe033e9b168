import { describe, expect, it } from "vitest";
import fc from "fast-check";
import {
  areTokensCoveredBy,
  collides,
  hasWildcard,
  isCoveredBy,
  isValidLiteralSubject,
  isValidSubject,
  textFromWire,
  tokensOf,
  wireFromText,
} from "../../src/subjects/subject.ts";

// Few tokens, so that two random subjects often meet.
const plain = fc.constantFrom("a", "b", "a*", "*a", ">b", "**", ">>");
const anyToken = fc.oneof(plain, fc.constantFrom("*", ">", "", "a b", "\t", "c\f", "é"));
const anySubject = fc.array(anyToken, { minLength: 0, maxLength: 4 }).map((tokens) => tokens.join("."));
const literal = fc.array(plain, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));
const smallToken = fc.constantFrom("a", "b", "a*");
const pattern = fc
  .tuple(
    fc.array(fc.oneof(smallToken, fc.constant("*")), { maxLength: 3 }),
    fc.constantFrom("a", "b", "*", ">"),
  )
  .map(([tokens, last]) => [...tokens, last].join("."));

/**
 * Every literal of up to five tokens (one more than a pattern has) over the tokens that patterns name, and one
 * that none names: enough to tell any two patterns apart.
 */
const universe: string[] = (() => {
  const alphabet = ["a", "b", "a*", "other"];
  let level = alphabet;
  const all = [...level];
  for (let length = 2; length <= 5; length++) {
    level = level.flatMap((head) => alphabet.map((token) => `${head}.${token}`));
    all.push(...level);
  }
  return all;
})();

/** The plainest definition there is: a pattern is a regular expression. */
function matches(literalSubject: string, patternSubject: string): boolean {
  const source = patternSubject
    .split(".")
    .map((token, at, all) => {
      if (token === "*") return "[^.]+";
      if (token === ">" && at === all.length - 1) return ".+";
      return token.replace(/[*+?^${}()|[\]\\]/g, "\\$&");
    })
    .join("\\.");
  return new RegExp(`^${source}$`, "s").test(literalSubject);
}

describe("validity", () => {
  it.each([
    ["a", true],
    ["a.b.c", true],
    ["*", true],
    [">", true],
    ["a.*.c", true],
    ["*.*.>", true],
    ["a.>", true],
    ["foo*", true],
    ["a*b.c>", true],
    [">>", true],
    ["a.>>.b", true],
    ["$SYS.é.x", true],
    ["", false],
    [".", false],
    [".a", false],
    ["a.", false],
    ["a..b", false],
    [">.a", false],
    ["a.>.b", false],
    ["a.>.", false],
    ["a b", false],
    [" ", false],
    ["a.\t", false],
    ["a\r", false],
    ["\n.a", false],
    ["a.b\f", false],
  ])("isValidSubject(%j) is %s", (subject, valid) => {
    expect(isValidSubject(subject)).toBe(valid);
  });

  it("agrees with a definition token by token", () => {
    fc.assert(
      fc.property(anySubject, (subject) => {
        const tokens = subject.split(".");
        const valid = tokens.every(
          (token, at) =>
            token !== "" && !/[ \t\r\n\f]/.test(token) && (token !== ">" || at === tokens.length - 1),
        );
        expect(isValidSubject(subject)).toBe(valid);
        const isLiteral = tokens.every((token) => token !== "" && token !== "*" && token !== ">");
        expect(isValidLiteralSubject(subject)).toBe(isLiteral);
        expect(hasWildcard(subject)).toBe(tokens.some((token) => token === "*" || token === ">"));
      }),
      { numRuns: 500 },
    );
  });

  it("splits into tokens and nothing else", () => {
    expect(tokensOf("a..b.")).toEqual(["a", "", "b", ""]);
    expect(tokensOf("")).toEqual([""]);
  });
});

describe("covering and colliding", () => {
  it.each([
    ["a.b", "a.b", true],
    ["a.b", "a.*", true],
    ["a.b", "*.b", true],
    ["a.b", ">", true],
    ["a.b", "a.>", true],
    ["a", "a.>", false],
    ["a", "*.>", false],
    ["a.b.c", "a.*", false],
    ["a.*", "a.*", true],
    ["a.*", "a.>", true],
    ["a.*", "a.b", false],
    ["a.>", "a.>", true],
    ["a.>", "a.*", false],
    ["a.>", ">", true],
    [">", "a.>", false],
    ["a.*b", "a.*", true],
    ["a.x", "a.*b", false],
    ["a.", "a.*", false],
    [".a", "*.a", false],
    ["a..b", "a.>", true],
    ["", "*", false],
  ])("isCoveredBy(%j, %j) is %s", (subject, wider, covered) => {
    expect(isCoveredBy(subject, wider)).toBe(covered);
    expect(areTokensCoveredBy(subject.split("."), wider.split("."))).toBe(covered);
  });

  it("covers a literal exactly when the pattern matches it", () => {
    fc.assert(
      fc.property(literal, pattern, (subject, wider) => {
        expect(isCoveredBy(subject, wider)).toBe(matches(subject, wider));
      }),
      { numRuns: 1000 },
    );
  });

  it("covers a pattern exactly when every literal of the one is a literal of the other", () => {
    fc.assert(
      fc.property(pattern, pattern, (narrow, wide) => {
        const contained = universe.every((subject) => !matches(subject, narrow) || matches(subject, wide));
        expect(isCoveredBy(narrow, wide)).toBe(contained);
      }),
      { numRuns: 150 },
    );
  });

  it("collides exactly when some literal matches both", () => {
    fc.assert(
      fc.property(pattern, pattern, (left, right) => {
        const shared = universe.some((subject) => matches(subject, left) && matches(subject, right));
        expect(collides(left, right)).toBe(shared);
        expect(collides(right, left)).toBe(shared);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ["a.>", "a", false],
    ["*.b", "a.*", true],
    ["*.b.>", "a.>", true],
    ["*a.c", "b.c", false],
    [">", "x.y.z", true],
  ])("collides(%j, %j) is %s", (left, right, expected) => {
    expect(collides(left, right)).toBe(expected);
    expect(collides(right, left)).toBe(expected);
  });
});

describe("wire strings", () => {
  it("has one character for each UTF-8 byte", () => {
    expect(wireFromText("é.x")).toBe("\u00c3\u00a9.x");
    expect(textFromWire("\u00c3\u00a9.x")).toBe("é.x");
  });

  it("brings any text back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const wire = wireFromText(text);
        expect(textFromWire(wire)).toBe(text);
        expect(wire.length).toBe(Buffer.byteLength(text));
        expect(/^[\0-\u00ff]*$/.test(wire)).toBe(true);
      }),
    );
  });

  it("shows bytes that are not UTF-8 as the replacement character", () => {
    expect(textFromWire("a.\u00ff")).toBe("a.\ufffd");
  });
});
