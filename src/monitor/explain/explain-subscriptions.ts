/** Which subscriptions get the message, and which match and do not. */
import type { Session } from "../../broker/session.ts";
import type { Subscription } from "../../broker/subscriber.ts";
import { textFromWire } from "../../subjects/subject.ts";
import {
  countText,
  isAskedAbout,
  listExplanations,
  sessionFactsShown,
  sessionText,
  type ExplainQuestion,
  type ExplainedReceiver,
} from "./explained-route.ts";

/** From this share of max_pending on, a receiver counts as behind. Publishers are held back for it from there. */
const behindShare = 0.75;
/** Those who wait for a receiver are counted; so many are named. */
const stalledMax = 5;

interface Match {
  readonly subscription: Subscription;
  readonly session: Session | undefined;
}

export function explainSubscriptions(question: ExplainQuestion): ExplainedReceiver[] {
  const plain: Match[] = [];
  const denied: Match[] = [];
  const groups = new Map<string, Match[]>();
  for (const subscription of question.account.matches(question.subject)) {
    const match = { subscription, session: question.sessions.get(subscription.subscriber) };
    const { queue } = subscription;
    if (subscription.subscriber.deniesDelivery(question.subject, subscription)) denied.push(match);
    else if (queue === null) plain.push(match);
    else {
      const members = groups.get(queue);
      if (members === undefined) groups.set(queue, [match]);
      else members.push(match);
    }
  }
  return [
    ...explainPlain(question, plain),
    ...explainGroups(question, [...groups]),
    ...explainDenied(question, denied),
  ];
}

function explainPlain(question: ExplainQuestion, matches: readonly Match[]): ExplainedReceiver[] {
  const asked = matches.filter(({ session }) => isAskedAbout(question, session));
  const others = matches.length - asked.length;
  const explanations = listExplanations(
    question,
    asked,
    (match) => explainedReceiver(question, match),
    (count) => explainedCount(count, `${countText(count, "more subscription")}`),
  );
  if (others > 0)
    explanations.push(explainedCount(others, `${countText(others, "subscription")} of other users`));
  return explanations;
}

function explainedReceiver(question: ExplainQuestion, match: Match): ExplainedReceiver {
  const { subscription, session } = match;
  const remarks = remarksOn(question, match);
  return {
    verdict: "receives",
    text: `${sessionText(session)} subscribes to ${quoted(subscription.subject)}${remarks.map((remark) => `; ${remark}`).join("")}`,
    count: 1,
    facts: {
      kind: "subscription",
      ...matchFacts(match),
      ...(remarks.length > 0 && { remarks }),
    },
  };
}

function explainGroups(
  question: ExplainQuestion,
  groups: readonly (readonly [name: string, members: readonly Match[]])[],
): ExplainedReceiver[] {
  const asked = groups.filter(([, members]) =>
    members.some(({ session }) => isAskedAbout(question, session)),
  );
  const others = groups.length - asked.length;
  const explanations = listExplanations(
    question,
    asked,
    ([name, members]) => explainedGroup(question, name, members),
    (count) => explainedCount(count, countText(count, "more queue group")),
  );
  if (others > 0)
    explanations.push(explainedCount(others, `${countText(others, "queue group")} of other users`));
  return explanations;
}

function explainedGroup(
  question: ExplainQuestion,
  name: string,
  members: readonly Match[],
): ExplainedReceiver {
  const shown = members.slice(0, question.listMax).map((member) => {
    const remarks = remarksOn(question, member);
    return {
      text: `${sessionText(member.session)} with ${quoted(member.subscription.subject)}${remarks.length > 0 ? ` (${remarks.join("; ")})` : ""}`,
      facts: { ...matchFacts(member), ...(remarks.length > 0 && { remarks }) },
    };
  });
  const more = members.length - shown.length;
  const local = members.some(({ subscription }) => subscription.subscriber.tier === 0);
  const remote = members.some(({ subscription }) => subscription.subscriber.tier === 1);
  const choice = members.length === 1 ? "its only member" : `one of ${members.length} members`;
  return {
    verdict: "receives",
    text: [
      `queue group ${quoted(name)}: ${choice} gets it`,
      local && remote ? " (those behind links only when no local one takes it)" : "",
      `: ${shown.map(({ text }) => text).join(", ")}`,
      more > 0 ? `, and ${more} more` : "",
    ].join(""),
    count: 1,
    facts: {
      kind: "queue_group",
      queue: textFromWire(name),
      member_count: members.length,
      members: shown.map(({ facts }) => facts),
    },
  };
}

function explainDenied(question: ExplainQuestion, matches: readonly Match[]): ExplainedReceiver[] {
  return listExplanations(
    question,
    matches.filter(({ session }) => isAskedAbout(question, session)),
    (match) => {
      const { subscription, session } = match;
      const deny = session?.permissions?.denyInTheWay(question.subject, subscription.queue) ?? null;
      const why = deny === null ? "its permissions keep it out" : `its permissions deny ${quoted(deny)}`;
      return {
        verdict: "misses",
        text: `${sessionText(session)} subscribes to ${quoted(subscription.subject)}, but ${why}`,
        count: 1,
        facts: {
          kind: "delivery_denied",
          ...matchFacts(match),
          ...(deny !== null && { deny: textFromWire(deny) }),
        },
      };
    },
    (count) => ({
      verdict: "misses",
      text: `${countText(count, "more subscription")} whose permissions keep it out`,
      count,
      facts: { kind: "rest" },
    }),
  );
}

/** What else may keep the message from this subscription, now or soon. */
function remarksOn({ options, stalls }: ExplainQuestion, { subscription, session }: Match): string[] {
  const remarks: string[] = [];
  const max = options.limits.maxPendingBytes;
  const pending = session?.pendingBytes ?? 0;
  if (max > 0 && pending >= max * behindShare)
    remarks.push(
      `it is behind, with ${pending} of ${max} bytes pending, and is cut as a slow consumer when that is full`,
    );
  const waiting = stalls.filter(({ receiverId }) => receiverId !== null && receiverId === session?.id);
  if (waiting.length > 0) {
    const cids = waiting.flatMap(({ waiterId }) => (waiterId === null ? [] : [`cid ${waiterId}`]));
    const consumers = waiting.length - cids.length;
    const who = [...cids.slice(0, stalledMax), ...(consumers > 0 ? ["the broker itself"] : [])].join(", ");
    remarks.push(`it stalls ${countText(waiting.length, "sender")}: ${who}`);
  }
  if (!subscription.subscriber.echo) remarks.push("it does not get what it publishes itself (echo is off)");
  const left = subscription.deliveredMax - subscription.deliveredCount;
  if (subscription.deliveredMax > 0) remarks.push(`it ends after ${countText(left, "more message")}`);
  return remarks;
}

function matchFacts({ subscription, session }: Match): Record<string, unknown> {
  return {
    ...sessionFactsShown(session),
    sid: textFromWire(subscription.sid),
    subject: textFromWire(subscription.subject),
    ...(subscription.queue !== null && { queue: textFromWire(subscription.queue) }),
    ...(session !== undefined && session.pendingBytes > 0 && { pending_bytes: session.pendingBytes }),
  };
}

function explainedCount(count: number, text: string): ExplainedReceiver {
  return { verdict: "receives", text, count, facts: { kind: "rest" } };
}

function quoted(wire: string): string {
  return JSON.stringify(textFromWire(wire));
}
