/** Who would have received the message until a moment ago: connections that ended, and why they did. */
import type { ClosedSession } from "../../broker/session.ts";
import { areTokensCoveredBy, textFromWire, tokensOf } from "../../subjects/subject.ts";
import {
  countText,
  isAskedAbout,
  listExplanations,
  sessionFactsShown,
  sessionText,
  type ExplainQuestion,
  type ExplainedReceiver,
} from "./explained-route.ts";
import { timestampText, uptimeText } from "../time-format.ts";

const agoMsMax = 3_600_000;

export function explainDeparted(question: ExplainQuestion): ExplainedReceiver[] {
  const { broker, account, nowMs } = question;
  const tokens = tokensOf(question.subject);
  const departed: Departed[] = [];
  for (const closed of broker.closedSessions()) {
    if (closed.account !== account || nowMs - closed.stopMs > agoMsMax) continue;
    if (!isAskedAbout(question, closed.session)) continue;
    const subscription = closed.subscriptions.find(({ subject }) =>
      areTokensCoveredBy(tokens, tokensOf(subject)),
    );
    if (subscription !== undefined) departed.push({ closed, pattern: subscription.subject });
  }
  departed.sort((left, right) => right.closed.stopMs - left.closed.stopMs);
  return listExplanations(
    question,
    departed,
    (one) => explainedDeparted(one, nowMs),
    (count) => ({
      verdict: "gone",
      text: `${countText(count, "more connection")} in the last hour`,
      count,
      facts: { kind: "rest" },
    }),
  );
}

interface Departed {
  readonly closed: ClosedSession;
  readonly pattern: string;
}

function explainedDeparted({ closed, pattern }: Departed, nowMs: number): ExplainedReceiver {
  const { session, reason, stopMs } = closed;
  const subject = textFromWire(pattern);
  return {
    verdict: "gone",
    text: `${sessionText(session)} was subscribed to ${JSON.stringify(subject)} until ${uptimeText(nowMs - stopMs)} ago: ${reason}`,
    count: 1,
    facts: { kind: "departed", ...sessionFactsShown(session), subject, stop: timestampText(stopMs), reason },
  };
}
