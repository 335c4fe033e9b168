/** Subscriptions that would have matched but for a slip: case, spelling, a token too few, a wildcard that is none. */
import type { Subscription } from "../../broker/subscriber.ts";
import { textFromWire } from "../../subjects/subject.ts";
import {
  countText,
  isAskedAbout,
  sessionFactsShown,
  sessionText,
  type ExplainQuestion,
  type Finding,
} from "./explained-route.ts";
import { SubjectToMiss, type Nearness } from "./near-miss.ts";

/** Routing waits meanwhile: this many take some tens of milliseconds. */
const scannedMax = 50_000;
const shownMax = 10;

interface NearMiss {
  readonly pattern: string;
  readonly nearness: Nearness;
  readonly first: Subscription;
  count: number;
}

export function explainNearMisses(question: ExplainQuestion): Finding[] {
  const { account, sessions } = question;
  const subject = new SubjectToMiss(question.subject);
  const misses = new Map<string, NearMiss>();
  let scanned = 0;
  for (const subscription of account.interest.values()) {
    if (++scanned > scannedMax) break;
    const pattern = subscription.subject;
    const nearness = subject.nearness(pattern);
    if (nearness === null || !isAskedAbout(question, sessions.get(subscription.subscriber))) continue;
    const known = misses.get(pattern);
    if (known === undefined) misses.set(pattern, { pattern, nearness, first: subscription, count: 1 });
    else known.count++;
  }
  const near = [...misses.values()].sort(byLikelihood);
  const shown = near.slice(0, Math.min(shownMax, question.listMax));
  const findings = shown.map((miss) => missFinding(question, miss));
  if (near.length > shown.length) {
    const more = near.length - shown.length;
    findings.push(noteFinding(more, `${countText(more, "more subject")} that come less near`));
  }
  if (scanned > scannedMax) {
    const text = `only ${scannedMax} of the ${account.interest.size} subscriptions were looked at for near misses`;
    findings.push(noteFinding(account.interest.size - scannedMax, text));
  }
  return findings;
}

function byLikelihood(left: NearMiss, right: NearMiss): number {
  if (left.nearness.rank !== right.nearness.rank) return left.nearness.rank - right.nearness.rank;
  return left.pattern < right.pattern ? -1 : 1;
}

function missFinding({ sessions }: ExplainQuestion, { pattern, nearness, first, count }: NearMiss): Finding {
  const session = sessions.get(first.subscriber);
  const others = count > 1 ? ` and ${countText(count - 1, "other subscription")}` : "";
  const subject = textFromWire(pattern);
  return {
    verdict: "near_miss",
    text: `${JSON.stringify(subject)} of ${sessionText(session)}${others} ${nearness.text}`,
    count,
    facts: { kind: nearness.kind, subject, ...sessionFactsShown(session) },
  };
}

function noteFinding(count: number, text: string): Finding {
  return { verdict: "near_miss", text, count, facts: { kind: "rest" } };
}
