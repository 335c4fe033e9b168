/**
 * What `/explainz` is made of: for a message on a subject, everybody who knows something of its way adds findings.
 * Streams, links and whatever else comes to take messages each bring an {@link Explainer}.
 */
import type { Account } from "../../broker/account.ts";
import type { Broker } from "../../broker/broker.ts";
import type { Session, SessionFacts } from "../../broker/session.ts";
import type { Subscriber } from "../../broker/subscriber.ts";
import type { Options } from "../../config/options.ts";
import type { Stall } from "../../transport/back-pressure.ts";

/** What a finding says of the message; also the order in which people are shown them. */
export const verdicts = [
  "receives",
  "misses",
  "gone",
  "near_miss",
  "cannot_subscribe",
  "cannot_publish",
  "note",
] as const;

export type Verdict = (typeof verdicts)[number];

export interface ExplainedReceiver {
  readonly verdict: Verdict;
  /** One line for people. */
  readonly text: string;
  /** How many receivers, subscriptions or connections it stands for. */
  readonly count: number;
  /** The same for programs. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface ExplainQuestion {
  readonly broker: Broker;
  readonly options: Options;
  /** Who waits for whom; the numbers are those of sessions. */
  readonly stalls: readonly Stall[];
  readonly account: Account;
  /** What receivers are found by: a literal subject, a wire string, and what mappings have made of the published one. */
  readonly subject: string;
  /** Only this user's connections are to be listed; null: everybody's. What counts as received counts for all. */
  readonly user: string | null;
  readonly sessions: ReadonlyMap<Subscriber, Session>;
  readonly nowMs: number;
  /** No more findings of one kind than this, and one that counts the rest. */
  readonly listMax: number;
}

export type Explainer = (question: ExplainQuestion) => ExplainedReceiver[];

/** Describes the first items, as many as the question wants, and counts the rest in a finding of its own. */
export function listExplanations<T>(
  { listMax }: ExplainQuestion,
  items: readonly T[],
  describe: (item: T) => ExplainedReceiver,
  describeRest: (count: number) => ExplainedReceiver,
): ExplainedReceiver[] {
  const explanations = items.slice(0, listMax).map(describe);
  if (items.length > listMax) explanations.push(describeRest(items.length - listMax));
  return explanations;
}

/** Whether the finding may name this session. */
export function isAskedAbout({ user }: ExplainQuestion, session: SessionFacts | undefined): boolean {
  return user === null || session?.authorizedUser === user;
}

/** `cid 7 "billing" (user alice)`; without a session, the broker itself. */
export function sessionText(session: SessionFacts | undefined): string {
  if (session === undefined) return "the broker itself";
  const kind = session.kind === "Leafnode" ? "leaf node " : "";
  const name = session.name === "" ? "" : ` ${JSON.stringify(session.name)}`;
  const user = session.authorizedUser === null ? "" : ` (user ${session.authorizedUser})`;
  return `${kind}cid ${session.id}${name}${user}`;
}

export function sessionFactsShown(session: SessionFacts | undefined): Record<string, unknown> {
  if (session === undefined) return {};
  return {
    cid: session.id,
    ...(session.name !== "" && { name: session.name }),
    ...(session.authorizedUser !== null && { user: session.authorizedUser }),
  };
}

/** `1 subscription`, `2 subscriptions`. */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
