/** Times and spans as nats-server's monitoring writes them. */

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
  const whole = Math.floor(micros / 1_000_000);
  const fraction = String(micros - whole * 1_000_000).padStart(6, "0");
  const text = new Date(whole * 1_000).toISOString().slice(0, "2000-01-01T00:00:00".length);
  return `${text}${withoutTrailingZeros(`.${fraction}`)}Z`;
}

/** A span as Go's `time.Duration` prints it: `0s`, `537µs`, `1.25ms`, `1m2.5s`. */
export function durationText(spanNs: number): string {
  const ns = Math.trunc(Math.abs(spanNs));
  const sign = spanNs < 0 && ns > 0 ? "-" : "";
  if (ns === 0) return "0s";
  if (ns < 1_000) return `${sign}${ns}ns`;
  if (ns < 1_000_000) return `${sign}${decimal(ns, 3)}µs`;
  if (ns < 1_000_000_000) return `${sign}${decimal(ns, 6)}ms`;
  const minutes = Math.trunc(ns / 60_000_000_000);
  const seconds = `${decimal(ns - minutes * 60_000_000_000, 9)}s`;
  if (minutes === 0) return `${sign}${seconds}`;
  const hours = Math.trunc(minutes / 60);
  return hours === 0 ? `${sign}${minutes}m${seconds}` : `${sign}${hours}h${minutes % 60}m${seconds}`;
}

/** A round trip, to the microsecond below a millisecond. Source: nats-server `getRTT`. */
export function roundTripText(rttMs: number | null): string {
  if (rttMs === null) return "0s";
  const ns = Math.round(rttMs * 1_000_000);
  return durationText(ns > 1_000 && ns < 1_000_000 ? Math.trunc(ns / 1_000) * 1_000 : ns);
}

/** `value` divided by 10 to the `places`, without zeros at the end. */
function decimal(value: number, places: number): string {
  const divisor = 10 ** places;
  const whole = Math.trunc(value / divisor);
  return `${whole}${withoutTrailingZeros(`.${String(value - whole * divisor).padStart(places, "0")}`)}`;
}

function withoutTrailingZeros(fraction: string): string {
  return fraction.replace(/\.?0+$/, "");
}
