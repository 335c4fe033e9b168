import type { Broker } from "../broker/broker.ts";
import type { Session } from "../broker/session.ts";
import type { Subscriber } from "../broker/subscriber.ts";

/**
 * Whose subscriptions are whose. All subscriptions of a session have one subscriber; a subscriber that is not in
 * here belongs to the broker itself.
 */
export function sessionsBySubscriber(broker: Broker): Map<Subscriber, Session> {
  const sessions = new Map<Subscriber, Session>();
  for (const session of broker.sessions.values()) {
    for (const { subscriber } of session.subscriptions()) {
      sessions.set(subscriber, session);
      break;
    }
  }
  return sessions;
}
