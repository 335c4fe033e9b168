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
  let tail = message.bytes;
  let tailStart = message.tailStart;
  let tailEnd = message.bodyEnd + 2;
  const withHeaders = headers && message.headerBytes > 0;
  if (message.headerBytes > 0 && !withHeaders) {
    tail = plainTailOf(message);
    tailStart = 0;
    tailEnd = tail.length;
  }
  const tailBytes = tailEnd - tailStart;
  const prefix = subscription.prefix ?? makePrefix(subscription);
  const asView = tailBytes >= viewBytesMin && (message.stable || (viewsAllowed && outbound.idle));
  const subjectBytes = message.subjectEnd - message.subjectStart;
  if (!outbound.reserve(prefixBytesMax + subjectBytes + prefix.length + (asView ? 0 : tailBytes)))
    return false;
  const target = outbound.bytes;
  let at = outbound.at;
  // A prefix that begins with H holds the whole subject, which is the message's unless it was routed by another.
  if (prefix[0] === 0x48 && !message.routedByOther)
    at = copyBytes(prefix, withHeaders ? 0 : 1, prefix.length, target, at);
  else {
    const infix = prefix[0] === 0x48 ? wildcardInfix(subscription.sid) : prefix;
    at = writePrefix(
      target,
      at,
      withHeaders,
      message.subjectBytes,
      message.subjectStart,
      message.subjectEnd,
      infix,
    );
  }
  if (!asView) {
    outbound.at = copyBytes(tail, tailStart, tailEnd, target, at);
    return true;
  }
  outbound.at = at;
  outbound.appendView(tail.subarray(tailStart, tailEnd), message.stable || tail !== message.bytes);
  return !outbound.closed;
}

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
