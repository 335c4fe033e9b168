/** A message on its way out to one client: a short prefix and, in one copy, the tail that it came with. */
import { copyBytes, writeWords, type ViewedBytes } from "../base/bytes.ts";
import { plainTailOf, type Message } from "../protocol/message.ts";
import type { Subscription } from "../broker/subscriber.ts";
import { deliveryPrefix, prefixBytesMax, writePrefix, type DeliveryPrefix } from "../protocol/encoder.ts";
import { hasWildcard } from "../subjects/subject.ts";
import type { Outbound } from "../transport/outbound.ts";

/** From this size on, sending a view costs less than copying. Measured with 1 to 8 receivers. */
const viewBytesMin = 2_048;
/** A view that has to wait for others to be sent is of at least this much of the bytes that it is taken from. */
const viewShareMin = 1 / 4;

/**
 * Appends the message to `outbound` as MSG or HMSG.
 * @param headers whether the receiver takes headers; without, it gets the payload alone
 * @param viewsAllowed whether a view of a passing chunk may be queued
 * @returns false when the receiver is gone or too far behind
 */
export function appendMessage(
  outbound: Outbound,
  message: Message,
  subscription: Subscription,
  headers: boolean,
  viewsAllowed: boolean,
): boolean {
  const stripped = message.headerBytes > 0 && !headers;
  const tail = stripped ? plainTailOf(message) : message.viewed;
  const tailStart = stripped ? 0 : message.tailStart;
  const tailEnd = stripped ? tail.bytes.length : message.bodyEnd + 2;
  const lasting = message.stable || stripped;
  const prefixBytes = prefixCapacity(message, subscription);
  const tailBytes = tailEnd - tailStart;
  // What waits keeps all of the bytes that it is a view of.
  const isViewed =
    tailBytes >= viewBytesMin &&
    (outbound.idle
      ? lasting || (viewsAllowed && !message.isScratch)
      : lasting && tailBytes >= tail.bytes.length * viewShareMin);
  if (!isViewed) {
    if (!outbound.reserve(prefixBytes + tailBytes)) return false;
    const at = encodePrefix(outbound.viewed, outbound.at, message, subscription, headers);
    outbound.at = copyBytes(tail, tailStart, tailEnd, outbound.viewed, at);
    return true;
  }
  if (!outbound.reserve(prefixBytes)) return false;
  outbound.at = encodePrefix(outbound.viewed, outbound.at, message, subscription, headers);
  outbound.appendView(tail.bytes.subarray(tailStart, tailEnd), lasting);
  return !outbound.closed;
}

/** Room that {@link encodeMessage} may need. */
export function encodedBytesMax(message: Message, subscription: Subscription): number {
  return prefixCapacity(message, subscription) + message.bodyEnd + 2 - message.tailStart;
}

/** Writes the whole message, as MSG or HMSG, to `target` and returns the position after it. */
export function encodeMessage(
  target: ViewedBytes,
  start: number,
  message: Message,
  subscription: Subscription,
  headers: boolean,
): number {
  const at = encodePrefix(target, start, message, subscription, headers);
  if (message.headerBytes === 0 || headers)
    return copyBytes(message.viewed, message.tailStart, message.bodyEnd + 2, target, at);
  const tail = plainTailOf(message);
  return copyBytes(tail, 0, tail.bytes.length, target, at);
}

function encodePrefix(
  target: ViewedBytes,
  at: number,
  message: Message,
  subscription: Subscription,
  headers: boolean,
): number {
  const { literal, infix } = (subscription.prefix as DeliveryPrefix | null) ?? makePrefix(subscription);
  const withHeaders = headers && message.headerBytes > 0;
  // A literal prefix holds the whole subject, which is the message's unless it was routed by another.
  if (literal !== null && !message.routedByOther)
    return writeWords(target, at, withHeaders ? literal.headers : literal.plain);
  return writePrefix(
    target,
    at,
    withHeaders,
    message.viewedSubject,
    message.subjectStart,
    message.subjectEnd,
    infix,
  );
}

/** A subscription's own subject can be no longer than the message's that it matches, unless that was routed by another. */
function prefixCapacity(message: Message, { subject, sid }: Subscription): number {
  return (
    prefixBytesMax + Math.max(message.subjectEnd - message.subjectStart, subject.length) + sid.length + 2
  );
}

function makePrefix(subscription: Subscription): DeliveryPrefix {
  const { subject, sid } = subscription;
  const prefix = deliveryPrefix(hasWildcard(subject) ? null : subject, sid);
  subscription.prefix = prefix;
  return prefix;
}
