import { expect, it } from "vitest";
import { silentLog } from "../../src/base/log.ts";

it("a silent log takes everything and wants nothing", () => {
  for (const level of ["error", "warn", "info", "debug", "trace"] as const)
    expect(silentLog[level]("x")).toBe(undefined);
  expect([silentLog.debugEnabled, silentLog.traceEnabled]).toEqual([false, false]);
});
