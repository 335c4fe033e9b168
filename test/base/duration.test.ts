import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { durationText, nsPerMs, parseDuration } from "../../src/base/duration.ts";

describe("a duration", () => {
  it.each([
    ["0", 0],
    ["-0", 0],
    ["+0", 0],
    ["1s", 1_000],
    ["1.5s", 1_500],
    [".5s", 500],
    ["1.s", 1_000],
    ["1h30m", 5_400_000],
    ["2m0.5s", 120_500],
    ["100ms", 100],
    ["1us", 0.001],
    ["1µs", 0.001],
    ["1μs", 0.001],
    ["1000000ns", 1],
    ["-3s", -3_000],
    ["+3s", 3_000],
    ["1h1m1s1ms", 3_661_001],
    ["5m5m", 600_000],
  ])("%s is %d ms", (text, ms) => {
    expect(parseDuration(text) + 0).toBeCloseTo(ms, 9);
  });

  it.each([
    "",
    " ",
    "1",
    "s",
    "1x",
    "1s ",
    " 1s",
    "1 s",
    "1s2",
    "--1s",
    "+-1s",
    ".s",
    "1e3s",
    "1S",
    "1d",
    "∞",
    "1,5s",
  ])("%j is none", (text) => {
    expect(() => parseDuration(text)).toThrow(RangeError);
    expect(() => parseDuration(text)).toThrow(JSON.stringify(text));
  });

  it("adds up", () => {
    fc.assert(
      fc.property(fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(999), (hours, minutes, seconds, ms) => {
        const expected = ((hours * 60 + minutes) * 60 + seconds) * 1_000 + ms;
        expect(parseDuration(`${hours}h${minutes}m${seconds}s${ms}ms`)).toBe(expected);
      }),
    );
  });
});

describe("durationText", () => {
  it.each([
    [0, "0s"],
    [999, "999ns"],
    [1_000, "1µs"],
    [537_100, "537.1µs"],
    [1_250_000, "1.25ms"],
    [2_000_000_000, "2s"],
    [62_500_000_000, "1m2.5s"],
    [3_600_000_000_000, "1h0m0s"],
    [-1_500_000, "-1.5ms"],
  ])("%d ns", (ns, text) => {
    expect(durationText(ns)).toBe(text);
  });

  it("is read as what was written", () => {
    const exactMs = Math.floor(Number.MAX_SAFE_INTEGER / nsPerMs);
    const wholeMs = fc.integer({ min: -exactMs, max: exactMs });
    fc.assert(
      fc.property(wholeMs, (ms) => {
        expect(parseDuration(durationText(ms * nsPerMs))).toBeCloseTo(ms, 5);
      }),
    );
  });
});
