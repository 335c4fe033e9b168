import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { patternTokensMax, SubjectTrie, type TrieValue } from "../../src/subjects/subject-trie.ts";
import { processorMs } from "../fixture/processor-time.ts";

interface Value extends TrieValue {
  readonly pattern: string;
}

function valueOf(pattern: string): Value {
  return { pattern, triePosition: -1 };
}

/** The slow way, token by token. */
function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  if (tokens.includes("")) return false;
  for (const [at, token] of wanted.entries()) {
    if (token === ">" && at === wanted.length - 1) return tokens.length > at;
    if (tokens[at] === undefined || (token !== "*" && token !== tokens[at])) return false;
  }
  return wanted.length === tokens.length;
}

const literal = fc.constantFrom("a", "b", "c", "*a", ">>", "\xff", "__proto__");
const pattern = fc
  .tuple(
    fc.array(fc.oneof({ weight: 3, arbitrary: literal }, { weight: 1, arbitrary: fc.constant("*") }), {
      minLength: 1,
      maxLength: 4,
    }),
    fc.boolean(),
  )
  .map(([tokens, isRest]) => (isRest ? [...tokens.slice(1), ">"] : tokens).join("."));
const subject = fc
  .array(
    fc.oneof({ weight: 8, arbitrary: literal }, { weight: 1, arbitrary: fc.constantFrom("", "*", ">") }),
    {
      minLength: 1,
      maxLength: 5,
    },
  )
  .map((tokens) => tokens.join("."));

function found(trie: SubjectTrie<Value>, subjectToFind: string): Value[] {
  const values: Value[] = [];
  trie.match(subjectToFind, values);
  return values;
}

describe("the interest trie", () => {
  it("finds what a list of patterns would, whatever came and went", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(pattern, fc.option(fc.nat(), { nil: null })), { maxLength: 40 }),
        fc.array(subject, { minLength: 1, maxLength: 20 }),
        (changes, subjects) => {
          const trie = new SubjectTrie<Value>();
          const inside: Value[] = [];
          for (const [each, victim] of changes) {
            if (victim === null || inside.length === 0) {
              const value = valueOf(each);
              trie.insert(each, value);
              inside.push(value);
            } else {
              const [gone] = inside.splice(victim % inside.length, 1) as [Value];
              expect(trie.remove(gone.pattern, gone)).toBe(true);
              expect(trie.remove(gone.pattern, gone)).toBe(false);
            }
            expect(trie.size).toBe(inside.length);
          }
          expect(new Set(trie.values())).toEqual(new Set(inside));
          for (const each of subjects) {
            const values = found(trie, each);
            const expected = inside.filter((value) => matches(value.pattern, each));
            expect(values.length).toBe(expected.length);
            expect(new Set(values)).toEqual(new Set(expected));
          }
          for (const value of inside) trie.remove(value.pattern, value);
          expect([...trie.values()]).toEqual([]);
          expect(trie.size).toBe(0);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("knows when another last token could have changed what it found", () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 12 }), subject, (patterns, head) => {
        const trie = new SubjectTrie<Value>();
        for (const each of patterns) trie.insert(each, valueOf(each));
        // A fresh token is in no pattern.
        const plain = new Set(found(trie, `${head}.fresh`));
        if (trie.lastTokenMattered) return;
        for (const last of ["a", "b", "c", "*a", ">>", "\xff", "__proto__", "other"])
          expect(new Set(found(trie, `${head}.${last}`))).toEqual(plain);
      }),
      { numRuns: 500 },
    );
  });

  it("tells what is not there", () => {
    const trie = new SubjectTrie<Value>();
    const value = valueOf("a.b");
    expect(trie.remove("a.b", value)).toBe(false);
    trie.insert("a.b", value);
    expect(trie.remove("a.*", value)).toBe(false);
    expect(trie.remove("a", value)).toBe(false);
    expect(trie.remove("a.b.c", value)).toBe(false);
    expect(trie.remove("a.b", valueOf("a.b"))).toBe(false);
    expect(trie.remove("a.b", value)).toBe(true);
    expect(trie.size).toBe(0);
  });

  it("takes one of many equals out as fast as one of few", () => {
    const trie = new SubjectTrie<Value>();
    const values = Array.from({ length: 100_000 }, () => valueOf("a.b"));
    for (const value of values) trie.insert("a.b", value);
    // From the front, where a list would have to move everything.
    const took = processorMs(() => {
      for (const value of values) trie.remove("a.b", value);
    });
    expect(took).toBeLessThan(5_000);
    expect(found(trie, "a.b")).toEqual([]);
  });

  it("gives all its values, however many there are below one token", () => {
    const trie = new SubjectTrie<Value>();
    const count = 300_000;
    for (let at = 0; at < count; at++) trie.insert(`t${at}`, valueOf(`t${at}`));
    let seen = 0;
    for (const value of trie.values()) if (value.triePosition === 0) seen++;
    expect(seen).toBe(count);
  });

  it("is not slow for a subject of many tokens, nor deep for a pattern of many", () => {
    const trie = new SubjectTrie<Value>();
    const deep = Array.from({ length: patternTokensMax }, () => "*").join(".");
    const value = valueOf(deep);
    trie.insert(deep, value);
    trie.insert(">", valueOf(">"));
    const took = processorMs(() => {
      expect(found(trie, Array.from({ length: patternTokensMax }, () => "t").join("."))).toHaveLength(2);
      expect(found(trie, Array.from({ length: 100_000 }, () => "t").join("."))).toHaveLength(1);
    });
    expect(took).toBeLessThan(5_000);
    expect(trie.remove(deep, value)).toBe(true);
  });
});
