/** The orders that `/connz` knows. Source: nats-server `monitor_sort_opts.go`. */
import type { ClosedSession, Session, SessionFacts } from "../broker/session.ts";

/** Either `open` or `closed` is there. */
export interface ListedConnection {
  readonly session: SessionFacts;
  readonly open: Session | null;
  readonly closed: ClosedSession | null;
}

export type SortOption = keyof typeof keys;

type Key = (connection: ListedConnection, nowMs: number) => number;

function spanMs({ session, closed }: ListedConnection, nowMs: number): number {
  return (closed === null ? nowMs : closed.stopMs) - session.startMs;
}

/** What each sorts by; `reason` is text, and stands apart. */
const keys = {
  cid: ({ session }) => session.id,
  start: ({ session }) => session.id,
  subs: ({ session, closed }) => closed?.subscriptionCount ?? session.subscriptionCount,
  pending: ({ session }) => session.pendingBytes,
  msgs_to: ({ session }) => session.outMessages,
  msgs_from: ({ session }) => session.inMessages,
  bytes_to: ({ session }) => session.outBytes,
  bytes_from: ({ session }) => session.inBytes,
  last: ({ session }) => session.lastActivityMs,
  idle: ({ session }, nowMs) => nowMs - session.lastActivityMs,
  uptime: spanMs,
  rtt: ({ session }) => session.rttMs ?? 0,
  stop: ({ closed }) => closed?.stopMs ?? 0,
  reason: () => 0,
} satisfies Record<string, Key>;

const ascending = new Set<SortOption>(["cid", "start", "uptime", "reason"]);

export function isSortOption(text: string): text is SortOption {
  return Object.hasOwn(keys, text);
}

/** Equals come in the order of their ids; where the largest is first, so is the largest id. */
export function sortConnections(
  connections: readonly ListedConnection[],
  option: SortOption,
  nowMs: number,
): ListedConnection[] {
  const key: Key = keys[option];
  const sign = ascending.has(option) ? 1 : -1;
  return [...connections].sort(
    (left, right) =>
      sign *
      ((option === "reason"
        ? compareText(reasonOf(left), reasonOf(right))
        : key(left, nowMs) - key(right, nowMs)) || left.session.id - right.session.id),
  );
}

function reasonOf({ closed }: ListedConnection): string {
  return closed?.reason ?? "";
}

/** By their code units, which of wire strings are their bytes. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
