import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RouteCache } from "../../src/subjects/route-cache.ts";

function keyed(subject: string, padding = 3): [Buffer, number, number] {
  const bytes = Buffer.from(`${"#".repeat(padding)}${subject}##`, "latin1");
  return [bytes, padding, padding + subject.length];
}

function lookup<V>(cache: RouteCache<V>, subject: string, padding?: number): V | undefined {
  return cache.lookup(...keyed(subject, padding));
}

function store<V>(cache: RouteCache<V>, subject: string, value: V): void {
  cache.store(...keyed(subject), value);
}

function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  for (const [at, token] of wanted.entries()) {
    if (token === ">" && at === wanted.length - 1) return tokens.length > at;
    if (tokens[at] === undefined || (token !== "*" && token !== tokens[at])) return false;
  }
  return wanted.length === tokens.length;
}

const token = fc.constantFrom("a", "b", "ab", "c", "*", "\xff");
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));
const pattern = fc
  .tuple(subject, fc.boolean())
  .map(([start, isRest]) => (isRest ? start.replace(/[^.]+$/, ">") : start));

describe("the route cache", () => {
  it("never gives a value that a change of interest has made false", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(
          fc.oneof(
            { weight: 3, arbitrary: fc.record({ do: fc.constant("find" as const), subject }) },
            { weight: 1, arbitrary: fc.record({ do: fc.constant("change" as const), pattern }) },
          ),
          { maxLength: 120 },
        ),
        (seed, steps) => {
          const cache = new RouteCache<number>(seed);
          // The truth of a subject is how often something that matches it has changed.
          const changed: string[] = [];
          const truth = (each: string): number => changed.filter((one) => matches(one, each)).length;
          for (const step of steps) {
            if (step.do === "change") {
              changed.push(step.pattern);
              cache.invalidate(step.pattern);
              continue;
            }
            const kept = lookup(cache, step.subject, step.subject.length % 5);
            if (kept !== undefined) expect(kept).toBe(truth(step.subject));
            store(cache, step.subject, truth(step.subject));
            expect(lookup(cache, step.subject)).toBe(truth(step.subject));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("forgets one literal subject and no other", () => {
    const cache = new RouteCache<string>(7);
    for (const each of ["a.b", "a.c", "b"]) store(cache, each, each);
    cache.invalidate("a.b");
    expect(["a.b", "a.c", "b"].map((each) => lookup(cache, each))).toEqual([undefined, "a.c", "b"]);
    cache.forget("b");
    expect(lookup(cache, "b")).toBe(undefined);
    expect(cache.size).toBe(1);
  });

  it("forgets what is below a first token for a pattern, and all for a leading wildcard", () => {
    const cache = new RouteCache<string>(7);
    const subjects = ["a.b", "a.c.d", "b.b", "c"];
    for (const each of subjects) store(cache, each, each);
    cache.invalidate("a.*");
    expect(subjects.map((each) => lookup(cache, each) !== undefined)).toEqual([false, false, true, true]);
    cache.invalidate("*.x");
    expect(subjects.some((each) => lookup(cache, each) !== undefined)).toBe(false);
    for (const each of subjects) store(cache, each, each);
    expect([...cache.values()].sort()).toEqual([...subjects].sort());
    cache.invalidate(">");
    expect([...cache.values()]).toEqual([]);
  });

  it("keeps keys of up to 256 bytes, of any bytes, and tells them apart by all of them", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.string({ unit: fc.constantFrom("\x00", "a", ".", "\xff"), minLength: 1, maxLength: 300 }),
        fc.nat(),
        (seed, key, place) => {
          const cache = new RouteCache<string>(seed);
          store(cache, key, "value");
          expect(lookup(cache, key)).toBe(key.length > 256 ? undefined : "value");
          const at = place % key.length;
          const other = `${key.slice(0, at)}${key[at] === "b" ? "c" : "b"}${key.slice(at + 1)}`;
          expect(lookup(cache, other)).toBe(undefined);
          expect(lookup(cache, key.slice(0, -1))).toBe(undefined);
          expect(lookup(cache, `${key}a`)).toBe(undefined);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("grows to what is in use, and stays right when it is full", () => {
    const cache = new RouteCache<number>(99);
    const count = 120_000;
    const subjects = Array.from({ length: count }, (_, at) => `orders.${at % 317}.item.${at}`);
    for (let round = 0; round < 2; round++) {
      for (let at = 0; at < count; at++) {
        const each = subjects[at] as string;
        const kept = lookup(cache, each);
        if (kept === undefined) store(cache, each, at);
        else expect(kept).toBe(at);
      }
    }
    cache.hits = 0;
    for (let at = 0; at < count; at++) {
      const kept = lookup(cache, subjects[at] as string);
      if (kept !== undefined && kept !== at) throw new Error(`${subjects[at]} gave ${kept}`);
    }
    expect(cache.hits).toBeGreaterThan(count * 0.9);
  });

  it("goes on when its arena has overflowed, again and again", () => {
    const cache = new RouteCache<number>(3);
    const long = "x".repeat(240);
    // 240 bytes each: more than the arena ever holds.
    for (let at = 0; at < 90_000; at++) {
      const each = `${long}.${at}`;
      const key = keyed(each);
      cache.store(...key, at);
      if (cache.lookup(...key) !== at) throw new Error(`${at} was not kept`);
    }
    let kept = 0;
    for (let at = 0; at < 90_000; at += 7) {
      const value = lookup(cache, `${long}.${at}`);
      if (value !== undefined && value !== at) throw new Error(`${at} gave ${value}`);
      if (value !== undefined) kept++;
    }
    expect(kept).toBeGreaterThan(0);
  });

  it("takes a subject that comes and goes without end", () => {
    const cache = new RouteCache<number>(3);
    for (let at = 0; at < 150_000; at++) {
      store(cache, "a.subject.that.comes.and.goes", at);
      cache.invalidate("a.subject.that.comes.and.goes");
    }
    expect(lookup(cache, "a.subject.that.comes.and.goes")).toBe(undefined);
    expect(cache.size).toBe(0);
  });

  it("is emptied", () => {
    const cache = new RouteCache<number>(1);
    store(cache, "a", 1);
    cache.clear();
    expect([cache.size, lookup(cache, "a"), [...cache.values()]]).toEqual([0, undefined, []]);
  });

  it("keeps nothing for an empty subject", () => {
    for (const seed of [0, 1, -1, 123456]) {
      const cache = new RouteCache<number>(seed);
      store(cache, "", 1);
      expect(lookup(cache, "")).toBe(undefined);
      expect(cache.size).toBe(0);
    }
  });

  it("counts hits and misses", () => {
    const cache = new RouteCache<number>(1);
    lookup(cache, "a");
    store(cache, "a", 1);
    lookup(cache, "a");
    cache.invalidate("a");
    lookup(cache, "a");
    expect([cache.hits, cache.misses]).toEqual([1, 2]);
  });
});
