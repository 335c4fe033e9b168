import { expect, test } from "vitest";
import { Nuid, randomDigits } from "../../src/base/nuid.ts";

test("a NUID is 22 characters of base 62", () => {
  const nuid = new Nuid();
  for (let n = 0; n < 1000; n++) expect(nuid.next()).toMatch(/^[0-9A-Za-z]{22}$/);
});

test("no two are alike, in one sequence and across sequences", () => {
  const seen = new Set<string>();
  const sequences = Array.from({ length: 20 }, () => new Nuid());
  for (const nuid of sequences) for (let n = 0; n < 5000; n++) seen.add(nuid.next());
  expect(seen.size).toBe(20 * 5000);
});

test("one sequence keeps its prefix and counts up by one step", () => {
  const nuid = new Nuid();
  const [first, second, third] = [nuid.next(), nuid.next(), nuid.next()];
  expect(second.slice(0, 12)).toBe(first.slice(0, 12));
  const step = count(second) - count(first);
  expect(count(third) - count(second)).toBe(step);
  expect(step).toBeGreaterThanOrEqual(33n);
  expect(step).toBeLessThan(333n);
});

test("sequences begin apart", () => {
  const starts = new Set(Array.from({ length: 200 }, () => new Nuid().next().slice(0, 12)));
  expect(starts.size).toBe(200);
});

test("the low half carries into the high half", () => {
  const nuid = new Nuid({ high: 7, low: 62 ** 5 - 1 });
  const before = 7n * 62n ** 5n + 62n ** 5n - 1n;
  const [first, second] = [nuid.next(), nuid.next()];
  expect(count(first) - before).toBe(count(second) - count(first));
  expect(first.slice(12, 17)).toBe("00008");
});

test("a counter that has run out begins anew under another prefix", () => {
  const nuid = new Nuid({ high: 62 ** 5 - 1, low: 62 ** 5 - 400 });
  const prefixes = new Set<string>();
  for (let n = 0; n < 20; n++) {
    const name = nuid.next();
    expect(name).toMatch(/^[0-9A-Za-z]{22}$/);
    prefixes.add(name.slice(0, 12));
  }
  expect(prefixes.size).toBe(2);
});

test("random digits have the length asked for and use all of the alphabet", () => {
  expect(randomDigits(0)).toBe("");
  expect(randomDigits(8)).toMatch(/^[0-9A-Za-z]{8}$/);
  expect(new Set(randomDigits(5000)).size).toBe(62);
});

function count(nuid: string): bigint {
  const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  let value = 0n;
  for (const digit of nuid.slice(12)) value = value * 62n + BigInt(digits.indexOf(digit));
  return value;
}
