import { describe, expect, it } from "vitest";
import { roundTripText, timestampText, uptimeText } from "../../src/monitor/time-format.ts";

describe("uptimeText", () => {
  it.each([
    [0, "0s"],
    [59_999, "59s"],
    [60_000, "1m0s"],
    [3_661_000, "1h1m1s"],
    [90_000_000, "1d1h0m0s"],
    [366 * 86_400_000 + 5_000, "1y1d0h0m5s"],
    [-5, "0s"],
  ])("%d ms", (span, text) => {
    expect(uptimeText(span)).toBe(text);
  });
});

describe("timestampText", () => {
  it.each([
    [0, "1970-01-01T00:00:00Z"],
    [1_700_000_000_120, "2023-11-14T22:13:20.12Z"],
    [1_700_000_000_007.25, "2023-11-14T22:13:20.00725Z"],
    [999.9999, "1970-01-01T00:00:01Z"],
  ])("%d", (wallMs, text) => {
    expect(timestampText(wallMs)).toBe(text);
  });
});

describe("roundTripText", () => {
  it("cuts round trips below a millisecond to microseconds", () => {
    expect(roundTripText(null)).toBe("0s");
    expect(roundTripText(0.537_819)).toBe("537µs");
    expect(roundTripText(0.000_9)).toBe("900ns");
    expect(roundTripText(1.234_567)).toBe("1.234567ms");
  });
});
