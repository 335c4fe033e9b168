import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatTimestamp,
  parseTimestamp,
  timestampBytesMax,
  timestampFromMs,
  writeTimestamp,
} from "../../src/base/timestamp.ts";

/** As Date has it, with the nanoseconds behind. */
function byDate(ms: number, ns: number): string {
  const [whole = "", milliseconds = ""] = new Date(ms).toISOString().slice(0, -1).split(".");
  const fraction = (milliseconds + String(ns).padStart(6, "0")).replace(/0+$/, "");
  return fraction === "" ? `${whole}Z` : `${whole}.${fraction}Z`;
}

const nanoseconds = fc.integer({ min: 0, max: 999_999 });

describe("a timestamp", () => {
  test("is written as Date writes it", () => {
    const moments = fc.integer({ min: -8.64e15, max: 8.64e15 });
    fc.assert(fc.property(moments, nanoseconds, (ms, ns) => formatTimestamp(ms, ns) === byDate(ms, ns)));
    const usual = fc.integer({ min: 0, max: Date.UTC(2400, 0) });
    fc.assert(
      fc.property(usual, nanoseconds, (ms, ns) => formatTimestamp(ms, ns) === byDate(ms, ns)),
      {
        numRuns: 5_000,
      },
    );
  });

  test.each([
    ["the first", 0, 0, "1970-01-01T00:00:00Z"],
    ["a leap day", Date.UTC(2024, 1, 29, 23, 59, 59, 999), 999_999, "2024-02-29T23:59:59.999999999Z"],
    ["a century without one", Date.UTC(2100, 2, 1), 0, "2100-03-01T00:00:00Z"],
    ["zeros at the end", Date.UTC(2026, 10, 21, 12, 0, 0, 500), 0, "2026-11-21T12:00:00.5Z"],
    ["the last with four digits", Date.UTC(9999, 11, 31, 23, 59, 59), 1, "9999-12-31T23:59:59.000000001Z"],
  ])("%s", (_name, ms, ns, text) => {
    expect(formatTimestamp(ms, ns)).toBe(text);
    expect(parseTimestamp(text)).toEqual({ ms, ns });
  });

  test("goes into bytes where it is to stand, and nowhere else", () => {
    const moments = fc.integer({ min: -8.64e15, max: 8.64e15 });
    fc.assert(
      fc.property(moments, nanoseconds, fc.nat(9), (ms, ns, start) => {
        const text = byDate(ms, ns);
        const bytes = Buffer.alloc(start + timestampBytesMax, "-");
        expect(writeTimestamp(bytes, start, ms, ns)).toBe(start + text.length);
        expect(bytes.toString()).toBe(`${"-".repeat(start)}${text}`.padEnd(bytes.length, "-"));
      }),
    );
  });

  test("is of its own day, whatever day was written before", () => {
    const days = [0, 1, 0, 20_000, 19_999, 0].map((day) => formatTimestamp(day * 86_400_000, 0).slice(0, 10));
    expect(days).toEqual([
      "1970-01-01",
      "1970-01-02",
      "1970-01-01",
      "2024-10-04",
      "2024-10-03",
      "1970-01-01",
    ]);
  });

  test("has what is left of a millisecond", () => {
    expect(timestampFromMs(1.25)).toEqual({ ms: 1, ns: 250_000 });
  });
});
