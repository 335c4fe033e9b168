import type { KvEntry } from "@nats-io/kv";
import { handled } from "../../fixture/waiting.ts";

/** The text of an entry; undefined where there is none. */
export function valueOf(entry: KvEntry | null | undefined): string | undefined {
  return entry?.string();
}

/** `key operation revision value`, for comparing whole histories. */
export function lineOf(entry: KvEntry): string {
  return `${entry.key} ${entry.operation} ${entry.revision} ${entry.string()}`.trimEnd();
}

/** The first `count` of them, or all. */
export function gather<T>(from: AsyncIterable<T>, count = Number.POSITIVE_INFINITY): Promise<T[]> {
  return handled(gathered(from, count));
}

async function gathered<T>(from: AsyncIterable<T>, count: number): Promise<T[]> {
  const found: T[] = [];
  if (count === 0) return found;
  for await (const item of from) {
    found.push(item);
    if (found.length >= count) break;
  }
  return found;
}
