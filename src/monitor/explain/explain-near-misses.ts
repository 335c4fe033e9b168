/** Subscriptions that would have matched but for a slip: case, spelling, a token too few, a wildcard that is none. */
import type { Subscription } from "../../broker/subscriber.ts";
import { textFromWire } from "../../subjects/subject.ts";
import {
  countText,
  isAskedAbout,
  sessionFactsShown,
  sessionText,
  type ExplainQuestion,
  type ExplainedReceiver,
} from "./explained-route.ts";
import { SubjectToMiss, type NearMiss } from "./near-miss.ts";

/** Routing waits meanwhile: this many take some tens of milliseconds. */
const scannedMax = 50_000;
const shownMax = 10;

interface ListedNearMiss {
  readonly pattern: string;
  readonly nearMiss: NearMiss;
  readonly first: Subscription;
  count: number;
}

export function explainNearMisses(question: ExplainQuestion): ExplainedReceiver[] {
  const { account, sessions } = question;
  const subject = new SubjectToMiss(question.subject);
  const misses = new Map<string, ListedNearMiss>();
  let scanned = 0;
  for (const subscription of account.interest.values()) {
    if (++scanned > scannedMax) break;
    const pattern = subscription.subject;
    const nearMiss = subject.nearMiss(pattern);
    if (nearMiss === null || !isAskedAbout(question, sessions.get(subscription.subscriber))) continue;
    const known = misses.get(pattern);
    if (known === undefined) misses.set(pattern, { pattern, nearMiss, first: subscription, count: 1 });
    else known.count++;
  }
  const near = [...misses.values()].sort(byLikelihood);
  const shown = near.slice(0, Math.min(shownMax, question.listMax));
  const explanations = shown.map((miss) => explainedMiss(question, miss));
  if (near.length > shown.length) {
    const more = near.length - shown.length;
    explanations.push(explainedNote(more, `${countText(more, "more subject")} that come less near`));
  }
  if (scanned > scannedMax) {
    const text = `only ${scannedMax} of the ${account.interest.size} subscriptions were looked at for near misses`;
    explanations.push(explainedNote(account.interest.size - scannedMax, text));
  }
  return explanations;
}

function byLikelihood(left: ListedNearMiss, right: ListedNearMiss): number {
  if (left.nearMiss.rank !== right.nearMiss.rank) return left.nearMiss.rank - right.nearMiss.rank;
  return left.pattern < right.pattern ? -1 : 1;
}

function explainedMiss(
  { sessions }: ExplainQuestion,
  { pattern, nearMiss, first, count }: ListedNearMiss,
): ExplainedReceiver {
  const session = sessions.get(first.subscriber);
  const others = count > 1 ? ` and ${countText(count - 1, "other subscription")}` : "";
  const subject = textFromWire(pattern);
  return {
    verdict: "near_miss",
    text: `${JSON.stringify(subject)} of ${sessionText(session)}${others} ${nearMiss.text}`,
    count,
    facts: { kind: nearMiss.kind, subject, ...sessionFactsShown(session) },
  };
}

function explainedNote(count: number, text: string): ExplainedReceiver {
  return { verdict: "near_miss", text, count, facts: { kind: "rest" } };
}
