/** Times and spans as nats-server's monitoring writes them. */
import { durationText } from "../base/duration.ts";
import { formatTimestamp } from "../base/timestamp.ts";

/** `1y2d3h4m5s` down to `5s`: the largest unit that is needed, and every smaller one. Source: nats-server `myUptime`. */
export function uptimeText(spanMs: number): string {
  const seconds = Math.max(0, Math.trunc(spanMs / 1_000));
  const minutes = Math.trunc(seconds / 60);
  const hours = Math.trunc(minutes / 60);
  const days = Math.trunc(hours / 24);
  const years = Math.trunc(days / 365);
  let text = `${seconds % 60}s`;
  if (minutes > 0) text = `${minutes % 60}m${text}`;
  if (hours > 0) text = `${hours % 24}h${text}`;
  if (days > 0) text = `${days % 365}d${text}`;
  return years > 0 ? `${years}y${text}` : text;
}

/** RFC 3339 in UTC, with as much of a fraction as there is. */
export function timestampText(wallMs: number): string {
  // A number of milliseconds since 1970 is not more precise than this.
  const micros = Math.round(wallMs * 1_000);
  const ms = Math.floor(micros / 1_000);
  return formatTimestamp(ms, (micros - ms * 1_000) * 1_000);
}

/** A round trip, to the microsecond below a millisecond. Source: nats-server `getRTT`. */
export function roundTripText(rttMs: number | null): string {
  if (rttMs === null) return "0s";
  const ns = Math.round(rttMs * 1_000_000);
  return durationText(ns > 1_000 && ns < 1_000_000 ? Math.trunc(ns / 1_000) * 1_000 : ns);
}
