/**
 * Mirrors and sources at the other end of a link that wait for an answer from here. One of a nats-server that was started
 * before the link was up has asked nobody: it waits 30 s for the answer, and asks again 10 s later, however soon the
 * link comes. Nothing can be answered here, so it is said that they wait. Source: nats-server `setupMirrorConsumer`,
 * `srcConsumerWaitTime`.
 */
import type { Log } from "../base/log.ts";
import type { Broker } from "../broker/broker.ts";
import type { Session } from "../broker/session.ts";

/** What their answers are sent to. */
const replyPrefix = "$JSC.R.";
/** Answers to requests that have arrived are there by then. */
const answerMsMax = 5_000;

/** How many answers the other end waits for. */
export function awaitedAnswers(link: Session): number {
  let count = 0;
  for (const { subject } of link.subscriptions()) if (subject.startsWith(replyPrefix)) count++;
  return count;
}

/** For a link that has just been made: a warning when it turns out that requests were lost before. */
export function watchAwaitedAnswers(link: Session, broker: Broker, log: Log): void {
  broker.clock.after(answerMsMax, () => {
    const count = broker.sessions.get(link.id) === link ? awaitedAnswers(link) : 0;
    if (count === 0) return;
    const who = count === 1 ? "a mirror or source" : `${count} mirrors and sources`;
    log.warn(
      `Leafnode connection to ${link.name}: ${who} over there asked for streams of account ${link.account?.name ?? ""} before the link was up, and will catch up when asking again; a nats-server does so after 40s`,
    );
  });
}
