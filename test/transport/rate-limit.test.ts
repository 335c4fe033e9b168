import { expect, test } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { RateLimit } from "../../src/transport/rate-limit.ts";

test("lets so many through in each second", async () => {
  const clock = new Clock();
  clock.freeze();
  const limit = new RateLimit(clock, 3);
  const tries = (count: number) => Array.from({ length: count }, () => limit.allow());
  expect(tries(5)).toEqual([true, true, true, false, false]);
  await clock.advance("999ms");
  expect(tries(1)).toEqual([false]);
  await clock.advance("1ms");
  expect(tries(4)).toEqual([true, true, true, false]);
  limit.perSecondMax = 0;
  expect(tries(4)).toEqual([true, true, true, true]);
});
