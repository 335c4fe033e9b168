/** What a filter's patterns have in common, to narrow the index of subjects down. */
import { STAR } from "../../base/bytes.ts";
import type { LogFilter } from "../contract.ts";

/** The text that all subjects it takes begin with; nothing to go by is "". */
export function literalPrefix(filter: LogFilter | null): string {
  if (filter === null) return "";
  const [first = "", ...others] = filter.patterns.map(prefixOf);
  let length = first.length;
  for (const other of others) {
    let same = 0;
    while (same < length && same < other.length && first.charCodeAt(same) === other.charCodeAt(same)) same++;
    length = same;
  }
  return first.slice(0, length);
}

/** Whether one of its patterns takes everything that begins with `prefix`. */
export function takesAllBelow(filter: LogFilter, prefix: string): boolean {
  return filter.patterns.some((pattern) => {
    const isOpen = pattern === ">" || pattern.endsWith(".>");
    return isOpen && prefix.startsWith(pattern.slice(0, -1));
  });
}

/** Of a pattern, up to the first token that is a wildcard; all of it when there is none. */
export function prefixOf(pattern: string): string {
  for (let start = 0; start < pattern.length; ) {
    const dot = pattern.indexOf(".", start);
    const end = dot === -1 ? pattern.length : dot;
    const isWildcard = end - start === 1 && (pattern.charCodeAt(start) === STAR || pattern[start] === ">");
    if (isWildcard) return pattern.slice(0, start);
    start = end + 1;
  }
  return pattern;
}
