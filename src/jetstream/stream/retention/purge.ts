/** Removing messages of a stream in bulk. Source: nats-server `PurgeEx`. */
import { StoredMessage } from "../../../store/contract.ts";
import { filterOf } from "../../../subjects/filter.ts";
import { isCoveredBy, wireFromText } from "../../../subjects/subject.ts";
import { filtersOf } from "../../consumer/config/config-check.ts";
import type { FollowedLog } from "../log/followed-log.ts";

export interface PurgeRequest {
  /** Wire string, maybe with wildcards; everything when it is left out or empty. */
  readonly filter?: string;
  /** Messages before this one go; 0 or left out: all. With a sequence and without a filter, `keep` does not count. */
  readonly seq?: number;
  /** The newest that stay, of what the filter takes. */
  readonly keep?: number;
}

/** @returns how many went */
export function purge(messages: FollowedLog, { filter = "", seq = 0, keep = 0 }: PurgeRequest): number {
  if (seq === 1) return 0;
  if (filter !== "" && filter !== ">") return purgeFiltered(messages, { filter, seq, keep });
  if (seq > 1) return messages.removeThrough(seq - 1);
  const { state } = messages.log;
  if (keep === 0) return messages.removeThrough(state.lastSeq);
  return keep < state.messages ? purgeKeeping(messages, keep) : 0;
}

/** All but the newest, which are fewer than there are. */
function purgeKeeping(messages: FollowedLog, keep: number): number {
  const { log } = messages;
  const stored = new StoredMessage();
  let keptSeq = log.state.lastSeq + 1;
  for (let left = keep; left > 0 && log.last(keptSeq - 1, null, stored); left--) keptSeq = stored.seq;
  return messages.removeThrough(keptSeq - 1);
}

function purgeFiltered(
  messages: FollowedLog,
  { filter: pattern, seq, keep }: Required<PurgeRequest>,
): number {
  const { log } = messages;
  const filter = filterOf([pattern]);
  const throughSeq = seq > 0 ? Math.min(seq - 1, log.state.lastSeq) : log.state.lastSeq;
  const most = keep === 0 ? Infinity : log.count(0, filter) - keep;
  const stored = new StoredMessage();
  let count = 0;
  for (let from = log.state.firstSeq; count < most && log.next(from, throughSeq, filter, stored); ) {
    from = stored.seq + 1;
    if (messages.remove(stored.seq, false)) count++;
  }
  if (messages.consumers.size > 0) moveConsumers(messages, pattern);
  return count;
}

/**
 * Who wants nothing but what the pattern takes goes on with the first of it that is left, others with the first of the
 * stream. Source: nats-server `purgeLocked`.
 */
function moveConsumers({ log, consumers }: FollowedLog, pattern: string): void {
  const { firstSeq, lastSeq } = log.state;
  const stored = new StoredMessage();
  const isLeft = log.next(firstSeq, lastSeq, filterOf([pattern]), stored);
  const firstLeftSeq = isLeft ? stored.seq : lastSeq + 1;
  for (const consumer of consumers.values()) {
    const filters = filtersOf(consumer.config).map(wireFromText);
    const isPart = (filter: string): boolean => isCoveredBy(filter, pattern);
    if (filters.length > 0 && filters.every(isPart)) consumer.onPurged(firstLeftSeq);
    else if (filters.length === 0 || filters.some((filter) => isPart(filter) || isCoveredBy(pattern, filter)))
      consumer.onPurged(firstSeq);
  }
}
