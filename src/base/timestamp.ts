/**
 * A moment to the nanosecond, as two numbers: 64 bits of nanoseconds do not fit one, and a bigint costs an allocation
 * with every message.
 */
export interface Timestamp {
  /** Whole milliseconds since the epoch. */
  readonly ms: number;
  /** Nanoseconds within that millisecond, 0 to 999,999. */
  readonly ns: number;
}

/** What Go calls the zero time: before anything happened. */
export const zeroTimeText = "0001-01-01T00:00:00Z";

const nsPerMs = 1_000_000;

/** RFC 3339 in UTC with as many decimals as are needed, as Go's RFC3339Nano. */
export function formatTimestamp(ms: number, ns: number): string {
  const text = new Date(ms).toISOString();
  const fraction = (text.slice(20, 23) + String(ns).padStart(6, "0")).replace(/0+$/, "");
  return fraction === "" ? `${text.slice(0, 19)}Z` : `${text.slice(0, 19)}.${fraction}Z`;
}

const rfc3339 = /^(\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2})(?:[.,](\d+))?([Zz]|[+-]\d{2}:\d{2})$/;

/** RFC 3339 with any number of decimals; null when it is not that, or a time before the epoch can hold. */
export function parseTimestamp(text: string): Timestamp | null {
  const parts = rfc3339.exec(text);
  if (parts === null) return null;
  const [, whole = "", decimals = "", zone = ""] = parts;
  const seconds = Date.parse(whole.toUpperCase() + zone.toUpperCase());
  if (Number.isNaN(seconds)) return null;
  const nanoseconds = Number(decimals.slice(0, 9).padEnd(9, "0"));
  return { ms: seconds + Math.floor(nanoseconds / nsPerMs), ns: nanoseconds % nsPerMs };
}

export function timestampFromMs(ms: number): Timestamp {
  const whole = Math.floor(ms);
  return { ms: whole, ns: Math.floor((ms - whole) * nsPerMs) };
}
