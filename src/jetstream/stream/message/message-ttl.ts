/** `Nats-TTL` and its like. Source: nats-server `parseMessageTTL`, ADR-43. */
import { parseDuration } from "../../../base/duration.ts";
import { isDigits } from "./message-headers.ts";

/** Seconds; 0: none; -1: never expires, whatever `max_age` says; null: neither a number nor a duration of a second. */
export type MessageTtl = number | null;

export function parseMessageTtl(text: string): MessageTtl {
  if (text === "") return 0;
  if (text.toLowerCase() === "never") return -1;
  const ms = durationMs(text);
  if (ms !== null) return ms < 1_000 ? null : Math.floor(ms / 1_000);
  return isDigits(text) ? Number(text) : null;
}

/** Null when it is no duration. `"0"` is one. */
export function durationMs(text: string): number | null {
  try {
    return parseDuration(text);
  } catch {
    return null;
  }
}
