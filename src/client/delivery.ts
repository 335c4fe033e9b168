/** A message on its way out to one client: a short prefix and, in one copy, the tail that it came with. */
import { copyBytes } from "../base/bytes.ts";
import type { Message } from "../broker/message.ts";
import type { Subscription } from "../broker/subscriber.ts";
import { literalPrefix, prefixBytesMax, wildcardInfix, writePrefix } from "../protocol/encoder.ts";
import { hasWildcard } from "../subjects/subject.ts";
import type { Outbound } from "../transport/outbound.ts";

/** From this size on, sending a view costs less than copying. Measured with 1 to 8 receivers. */
const viewBytesMin = 2_048;

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
  const tail = stripped ? plainTailOf(message) : message.bytes;
  const tailStart = stripped ? 0 : message.tailStart;
  const tailEnd = stripped ? tail.length : message.bodyEnd + 2;
  const lasting = message.stable || stripped;
  const prefix = subscription.prefix ?? makePrefix(subscription);
  const prefixBytes = prefixBytesMax + message.subjectEnd - message.subjectStart + prefix.length;
  if (tailEnd - tailStart < viewBytesMin || !(lasting || (viewsAllowed && outbound.idle))) {
    if (!outbound.reserve(prefixBytes + tailEnd - tailStart)) return false;
    const at = encodePrefix(outbound.bytes, outbound.at, message, subscription, prefix, headers);
    outbound.at = copyBytes(tail, tailStart, tailEnd, outbound.bytes, at);
    return true;
  }
  if (!outbound.reserve(prefixBytes)) return false;
  outbound.at = encodePrefix(outbound.bytes, outbound.at, message, subscription, prefix, headers);
  outbound.appendView(tail.subarray(tailStart, tailEnd), lasting);
  return !outbound.closed;
}

/** Room that {@link encodeMessage} may need. */
export function encodedBytesMax(message: Message, subscription: Subscription): number {
  const subjectBytes = message.subjectEnd - message.subjectStart;
  return (
    prefixBytesMax + 2 * subjectBytes + subscription.sid.length + 2 + message.bodyEnd + 2 - message.tailStart
  );
}

/** Writes the whole message, as MSG or HMSG, to `target` and returns the position after it. */
export function encodeMessage(
  target: Buffer,
  start: number,
  message: Message,
  subscription: Subscription,
  headers: boolean,
): number {
  const prefix = subscription.prefix ?? makePrefix(subscription);
  const at = encodePrefix(target, start, message, subscription, prefix, headers);
  if (message.headerBytes === 0 || headers)
    return copyBytes(message.bytes, message.tailStart, message.bodyEnd + 2, target, at);
  const tail = plainTailOf(message);
  return copyBytes(tail, 0, tail.length, target, at);
}

function encodePrefix(
  target: Buffer,
  at: number,
  message: Message,
  subscription: Subscription,
  prefix: Buffer,
  headers: boolean,
): number {
  const withHeaders = headers && message.headerBytes > 0;
  const isLiteral = prefix[0] === letterH;
  // A literal prefix holds the whole subject, which is the message's unless it was routed by another.
  if (isLiteral && !message.routedByOther)
    return copyBytes(prefix, withHeaders ? 0 : 1, prefix.length, target, at);
  const infix = isLiteral ? wildcardInfix(subscription.sid) : prefix;
  return writePrefix(
    target,
    at,
    withHeaders,
    message.subjectBytes,
    message.subjectStart,
    message.subjectEnd,
    infix,
  );
}

const letterH = 0x48;

function makePrefix(subscription: Subscription): Buffer {
  const { subject, sid } = subscription;
  subscription.prefix = hasWildcard(subject) ? wildcardInfix(sid) : literalPrefix(subject, sid);
  return subscription.prefix;
}

/** The tail without headers: made once for a message, by the first receiver that needs it. */
function plainTailOf(message: Message): Buffer {
  if (message.plainTail !== null) return message.plainTail;
  const payloadStart = message.bodyStart + message.headerBytes;
  const reply = message.hasReply ? `${message.reply} ` : "";
  const line = `${reply}${message.bodyEnd - payloadStart}\r\n`;
  const tail = Buffer.allocUnsafe(line.length + message.bodyEnd + 2 - payloadStart);
  tail.latin1Write(line, 0, line.length);
  message.bytes.copy(tail, line.length, payloadStart, message.bodyEnd + 2);
  message.plainTail = tail;
  return tail;
}
