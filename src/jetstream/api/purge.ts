/** Removing messages of a stream in bulk. Source: nats-server `PurgeEx`. */
import { StoredMessage } from "../../store/contract.ts";
import { filterOf } from "../../subjects/filter.ts";
import { wireFromText } from "../../subjects/subject.ts";
import type { Stream } from "../stream.ts";

export interface PurgeRequest {
  /** Text; "" for every subject. */
  readonly filter: string;
  /** Messages before this one go; 0: all. */
  readonly seq: number;
  /** The newest that stay; 0: none. */
  readonly keep: number;
}

/** @returns how many went */
export function purgeStream(stream: Stream, { filter, seq, keep }: PurgeRequest): number {
  const { log } = stream;
  const patterns = filter === "" ? null : filterOf([wireFromText(filter)]);
  if (patterns === null && keep === 0 && seq !== 1) {
    return stream.purgeThrough(seq === 0 ? log.state.lastSeq : seq - 1);
  }
  const through = seq === 0 ? log.state.lastSeq : Math.min(seq - 1, log.state.lastSeq);
  let left = keep === 0 ? Number.POSITIVE_INFINITY : log.count(0, patterns) - keep;
  const message = new StoredMessage();
  let removed = 0;
  for (let from = log.state.firstSeq; left > 0 && log.next(from, through, patterns, message); left--) {
    from = message.seq + 1;
    if (patterns !== null) removed += stream.remove(message.seq) ? 1 : 0;
    else if (left === 1) return stream.purgeThrough(message.seq);
  }
  return removed;
}
