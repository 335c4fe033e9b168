/** Durations as NATS writes them: Go's syntax, `"1h30m"`, `"500ms"`, `"1.5s"`. */

/** Durations in JetStream's JSON are nanoseconds. */
export const nsPerMs = 1_000_000;

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * @returns milliseconds, with a fraction where the text asks for one
 * @throws RangeError naming the text when it is not a duration
 */
export function parseDuration(text: string): number {
  const negative = text.startsWith("-");
  const body = negative || text.startsWith("+") ? text.slice(1) : text;
  if (body === "0") return 0;
  const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
  let totalMs = 0;
  let end = 0;
  for (let match = part.exec(body); match !== null; match = part.exec(body)) {
    totalMs += Number(match[1]) * (unitMs[match[2] as string] as number);
    end = part.lastIndex;
  }
  if (end === 0 || end !== body.length) {
    throw new RangeError(
      `invalid duration ${JSON.stringify(text)}: write a number and a unit, such as "10s", "500ms" or "1h30m"`,
    );
  }
  return negative ? -totalMs : totalMs;
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

/** `value` divided by 10 to the `places`, without zeros at the end. */
function decimal(value: number, positions: number): string {
  const divisor = 10 ** positions;
  const whole = Math.trunc(value / divisor);
  const fraction = `.${String(value - whole * divisor).padStart(positions, "0")}`;
  return `${whole}${fraction.replace(/\.?0+$/, "")}`;
}
