/** A duration as Go prints it, for texts that clients compare: `1.5s`, `2m0s`, `100ms`. */
export function goDuration(ns: number): string {
  if (ns === 0) return "0s";
  const sign = ns < 0 ? "-" : "";
  const rest = Math.abs(ns);
  if (rest < 1_000) return `${sign}${rest}ns`;
  if (rest < 1_000_000) return `${sign}${rest / 1_000}µs`;
  if (rest < 1_000_000_000) return `${sign}${rest / 1_000_000}ms`;
  const minutes = Math.floor(rest / 60_000_000_000);
  const seconds = (rest % 60_000_000_000) / 1_000_000_000;
  if (minutes === 0) return `${sign}${seconds}s`;
  const hours = Math.floor(minutes / 60);
  return `${sign}${hours > 0 ? `${hours}h` : ""}${minutes % 60}m${seconds}s`;
}
