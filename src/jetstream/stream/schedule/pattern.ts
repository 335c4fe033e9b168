/** When a schedule is due: `@at`, `@every`, names such as `@daily`, and cron. Source: ADR-51, nats-server `scheduler.go`. */
import { parseTimestamp } from "../../../base/timestamp.ts";
import { durationMs } from "../message/message-ttl.ts";
import { nextCronMs, parseCron } from "./cron.ts";
import { type TimeZone, utc } from "./zone.ts";

export interface Due {
  readonly atMs: number;
  /** Nanoseconds within the millisecond. */
  readonly atNs: number;
  readonly repeats: boolean;
}

const named: ReadonlyMap<string, string> = new Map([
  ["@yearly", "0 0 0 1 1 *"],
  ["@annually", "0 0 0 1 1 *"],
  ["@monthly", "0 0 0 1 * *"],
  ["@weekly", "0 0 0 * * 0"],
  ["@daily", "0 0 0 * * *"],
  ["@midnight", "0 0 0 * * *"],
  ["@hourly", "0 0 * * * *"],
]);

/**
 * @param zone for cron alone; null when none was named
 * @param fromMs the moment that it is counted from; one that lies back is caught up with in one step
 * @returns null when the pattern is not valid
 */
export function nextDue(pattern: string, zone: TimeZone | null, fromMs: number, nowMs: number): Due | null {
  if (pattern.startsWith("@at ")) {
    const at = zone === null ? parseTimestamp(pattern.slice(4)) : null;
    return at === null ? null : { atMs: at.ms, atNs: at.ns, repeats: false };
  }
  if (pattern.startsWith("@every ")) {
    const everyMs = zone === null ? durationMs(pattern.slice(7)) : null;
    if (everyMs === null || everyMs < 1_000) return null;
    const nextMs = wholeSeconds(fromMs) + everyMs;
    return repeated(nextMs < nowMs ? wholeSeconds(nowMs) + everyMs : nextMs);
  }
  const cron = parseCron(named.get(pattern) ?? pattern);
  if (cron === null) return null;
  let nextMs = nextCronMs(cron, zone ?? utc, fromMs);
  if (nextMs !== null && nextMs < nowMs) nextMs = nextCronMs(cron, zone ?? utc, wholeSeconds(nowMs));
  return nextMs === null ? null : repeated(nextMs);
}

function repeated(atMs: number): Due {
  const whole = Math.floor(atMs);
  return { atMs: whole, atNs: Math.round((atMs - whole) * 1_000_000), repeats: true };
}

function wholeSeconds(ms: number): number {
  return Math.round(ms / 1_000) * 1_000;
}
