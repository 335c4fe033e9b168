import { describe, expect, it } from "vitest";
import { nextCronMs, parseCron } from "../../../../src/jetstream/stream/schedule/cron.ts";
import { nextDue } from "../../../../src/jetstream/stream/schedule/pattern.ts";
import { TimeZone, utc } from "../../../../src/jetstream/stream/schedule/zone.ts";

const at = (text: string) => Date.parse(text);

function next(pattern: string, from: string, zone: TimeZone = utc): string | null {
  const cron = parseCron(pattern);
  const ms = cron === null ? null : nextCronMs(cron, zone, at(from));
  return ms === null ? null : new Date(ms).toISOString().replace(".000Z", "Z");
}

describe("cron", () => {
  it("finds the next second that it names", () => {
    const from = "2026-01-31T23:59:58.500Z";
    expect(next("* * * * * *", from)).toBe("2026-01-31T23:59:59Z");
    expect(next("0 * * * * *", from)).toBe("2026-02-01T00:00:00Z");
    expect(next("15,45 30 */6 * * *", from)).toBe("2026-02-01T00:30:15Z");
    expect(next("0 0 12 ? JAN-mar MON-FRI", from)).toBe("2026-02-02T12:00:00Z");
    expect(next("0 0 0 29 2 *", from)).toBe("2028-02-29T00:00:00Z");
    expect(next("10/20 * * * * *", from)).toBe("2026-02-01T00:00:10Z");
    expect(next("0 0 0 1 1 *", from)).toBe("2027-01-01T00:00:00Z");
    // Neither day is a star: either will do.
    expect(next("0 0 0 13 * 5", from)).toBe("2026-02-06T00:00:00Z");
    expect(next("0 0 0 13 * *", from)).toBe("2026-02-13T00:00:00Z");
    expect(next("0 0 0 31 * *", from)).toBe("2026-03-31T00:00:00Z");
  });

  it("never comes, or is none", () => {
    const from = "2026-01-01T00:00:00Z";
    for (const bad of [
      "0 0 0 30 2 *",
      "* * * * *",
      "* * * * * * *",
      "60 * * * * *",
      "* * 24 * * *",
      "* * * 0 * *",
      "* * * * 13 *",
      "* * * * * 7",
      "5-1 * * * * *",
      "1-2-3 * * * * *",
      "*/0 * * * * *",
      "1/2/3 * * * * *",
      "x * * * * *",
      "-1 * * * * *",
      ", * * * * *",
      "* * * * * mon-foo",
      "",
    ])
      expect([bad, next(bad, from)]).toEqual([bad, null]);
  });

  it("goes by the clocks of a zone, also when they are set", () => {
    const berlin = TimeZone.named("Europe/Berlin") as TimeZone;
    expect(next("0 0 9 * * *", "2026-03-28T12:00:00Z", berlin)).toBe("2026-03-29T07:00:00Z");
    expect(next("0 0 9 * * *", "2026-10-24T12:00:00Z", berlin)).toBe("2026-10-25T08:00:00Z");
    // 02:30 is left out that night.
    expect(next("0 30 2 * * *", "2026-03-28T12:00:00Z", berlin)).toBe("2026-03-30T00:30:00Z");
    expect(next("0 0 * * * *", "2026-10-25T00:30:00Z", berlin)).toBe("2026-10-25T01:00:00Z");
    const kathmandu = TimeZone.named("Asia/Kathmandu") as TimeZone;
    expect(next("0 0 0 * * *", "2026-01-01T00:00:00Z", kathmandu)).toBe("2026-01-01T18:15:00Z");
    expect(TimeZone.named("Nowhere/City")).toBeNull();
    expect(TimeZone.named("+01:00")).toBeNull();
    expect(TimeZone.named("UTC")).toBe(utc);
  });
});

describe("schedules", () => {
  const now = at("2026-01-01T10:00:00.300Z");
  const due = (pattern: string, fromMs = now, zone: TimeZone | null = null) => {
    const found = nextDue(pattern, zone, fromMs, now);
    return found === null ? null : `${new Date(found.atMs).toISOString()}${found.repeats ? " again" : ""}`;
  };

  it("have a time, a pace or a name", () => {
    expect(due("@at 2026-01-02T00:00:00.5+01:00")).toBe("2026-01-01T23:00:00.500Z");
    expect(due("@at 2020-01-01T00:00:00Z")).toBe("2020-01-01T00:00:00.000Z");
    expect(due("@every 90s")).toBe("2026-01-01T10:01:30.000Z again");
    expect(due("@hourly")).toBe("2026-01-01T11:00:00.000Z again");
    expect(due("@weekly")).toBe("2026-01-04T00:00:00.000Z again");
    expect(due("0 30 10 * * *")).toBe("2026-01-01T10:30:00.000Z again");
    for (const bad of ["@at soon", "@every 500ms", "@every x", "@never", "x"])
      expect([bad, due(bad)]).toEqual([bad, null]);
    for (const pattern of ["@at 2026-01-02T00:00:00Z", "@every 2s"])
      expect(due(pattern, now, utc)).toBeNull();
  });

  it("catch up in one step", () => {
    const longAgo = at("2025-01-01T00:00:00Z");
    expect(due("@every 1h", longAgo)).toBe("2026-01-01T11:00:00.000Z again");
    expect(due("@daily", longAgo)).toBe("2026-01-02T00:00:00.000Z again");
  });
});
