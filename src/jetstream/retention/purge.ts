/** Removes what is asked for. Source: nats-server `PurgeEx`. */
import { filterOf } from "../../subjects/filter.ts";
import { StoredMessage } from "../../store/contract.ts";
import type { Stream } from "../stream.ts";

export interface PurgeRequest {
  /** Wire string, maybe with wildcards; everything when it is left out or empty. */
  readonly filter?: string;
  /** Up to but not with this one. 0 or left out: all. */
  readonly seq?: number;
  /** The newest that stay, of what the filter takes. */
  readonly keep?: number;
}

/** @returns how many are gone */
export function purge(stream: Stream, { filter = "", seq = 0, keep = 0 }: PurgeRequest): number {
  const { state } = stream.log;
  if (seq === 1) return 0;
  if (filter === "" || filter === ">") {
    if (seq > 1) return stream.purgeThrough(seq - 1);
    if (keep === 0) return stream.purgeThrough(state.lastSeq);
    return purgeKeeping(stream, keep);
  }
  return purgeFiltered(stream, filter, seq, keep);
}

/** All but the newest. */
function purgeKeeping(stream: Stream, keep: number): number {
  const { log } = stream;
  const { state } = log;
  if (keep >= state.messages) return 0;
  if (keep === 1) return stream.purgeThrough(state.lastSeq === 0 ? 0 : lastStored(stream) - 1);
  let count = 0;
  for (let left = state.messages - keep; left > 0; left--) if (stream.remove(state.firstSeq)) count++;
  return count;
}

function lastStored({ log }: Stream): number {
  const stored = new StoredMessage();
  return log.last(log.state.lastSeq, null, stored) ? stored.seq : 0;
}

function purgeFiltered(stream: Stream, pattern: string, seq: number, keep: number): number {
  const { log } = stream;
  const filter = filterOf([pattern]);
  const throughSeq = seq > 0 ? Math.min(seq - 1, log.state.lastSeq) : log.state.lastSeq;
  let left = Infinity;
  if (keep > 0) left = log.count(0, filter);
  if (keep > 0) left -= keep;
  const stored = new StoredMessage();
  let count = 0;
  let from = log.state.firstSeq;
  while (count < left && log.next(from, throughSeq, filter, stored)) {
    from = stored.seq + 1;
    if (stream.remove(stored.seq)) count++;
  }
  return count;
}
