/** What a log counts: alike where it is decided, where it is applied and in memory, or a restart would show another state. */

export interface LogCounters {
  messages: number;
  bytes: number;
  firstSeq: number;
  lastSeq: number;
  firstMs: number;
  firstNs: number;
  lastMs: number;
  lastNs: number;
}

/** @param bytes what the message counts for; see `storedBytes` */
export function countAppended(
  counters: LogCounters,
  seq: number,
  timeMs: number,
  timeNs: number,
  bytes: number,
): void {
  counters.bytes += bytes;
  counters.lastSeq = seq;
  counters.lastMs = timeMs;
  counters.lastNs = timeNs;
  if (counters.messages++ > 0) return;
  counters.firstSeq = seq;
  counters.firstMs = timeMs;
  counters.firstNs = timeNs;
}
