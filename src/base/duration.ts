/** Durations as NATS writes them: Go's syntax, `"1h30m"`, `"500ms"`, `"1.5s"`. */

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
