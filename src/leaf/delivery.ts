/** A message on its way over a link: LMSG or HMSG, which end as the line did that it came in with. */
import { copyBytes, wordsOf, wordsSlackBytes, writeWords, type ViewedBytes } from "../base/bytes.ts";
import { plainTailOf, type Message } from "../protocol/message.ts";
import type { Subscription } from "../broker/subscriber.ts";
import type { Outbound } from "../transport/outbound.ts";

/** From this size on, a view costs less than copying; see `client/delivery.ts`, where it was measured. */
const viewBytesMin = 2_048;
const viewShareMin = 1 / 4;
const acknowledgements = "$JS.ACK.";

const plainMessage = wordsOf("LMSG ");
const headersMessage = wordsOf("HMSG ");
const prefixSlackBytes = 5 + 1 + wordsSlackBytes;

/**
 * Appends the message to `outbound`.
 * @param queues the groups that are chosen behind the link
 * @param headers whether the other end takes headers
 * @param viewsAllowed whether a view of a passing chunk may be queued
 * @returns false when the link is gone or too far behind
 */
export function appendLinkMessage(
  outbound: Outbound,
  message: Message,
  queues: readonly Subscription[],
  headers: boolean,
  viewsAllowed: boolean,
): boolean {
  if (queues.length > 0 || message.routedByOther)
    return appendWithHead(outbound, message, headOf(message, queues, headers), headers, viewsAllowed);
  const stripped = message.headerBytes > 0 && !headers;
  const tail = stripped ? plainTailOf(message) : message.viewed;
  const tailStart = stripped ? 0 : message.tailStart;
  const tailEnd = stripped ? tail.bytes.length : message.bodyEnd + 2;
  const prefixBytes = prefixSlackBytes + message.subjectEnd - message.subjectStart;
  const tailBytes = tailEnd - tailStart;
  const lasting = message.stable || stripped;
  const mayView = lasting || (viewsAllowed && !message.isScratch);
  const isViewed = paysView(outbound, tailBytes, tail.bytes.length, lasting, mayView);
  if (!outbound.reserve(isViewed ? prefixBytes : prefixBytes + tailBytes)) return false;
  const at = writePrefix(outbound.viewed, outbound.at, message, headers && message.headerBytes > 0);
  if (!isViewed) {
    outbound.at = copyBytes(tail, tailStart, tailEnd, outbound.viewed, at);
    return true;
  }
  outbound.at = at;
  outbound.appendView(tail.bytes.subarray(tailStart, tailEnd), lasting);
  return !outbound.closed;
}

function appendWithHead(
  outbound: Outbound,
  message: Message,
  head: string,
  headers: boolean,
  viewsAllowed: boolean,
): boolean {
  const start = message.bodyStart + (headers ? 0 : message.headerBytes);
  const end = message.bodyEnd + 2;
  const { viewed, stable } = message;
  const mayView = stable || (viewsAllowed && !message.isScratch);
  const isViewed = paysView(outbound, end - start, viewed.bytes.length, stable, mayView);
  if (!outbound.reserve(isViewed ? head.length : head.length + end - start)) return false;
  outbound.at += outbound.viewed.bytes.latin1Write(head, outbound.at, head.length);
  if (!isViewed) {
    outbound.at = copyBytes(viewed, start, end, outbound.viewed, outbound.at);
    return true;
  }
  outbound.appendView(viewed.bytes.subarray(start, end), stable);
  return !outbound.closed;
}

/**
 * The whole line, for messages that do not end as they began. One that was routed by another subject, as JetStream's
 * are, crosses on that one; the subject that receivers are to see stands behind the acknowledgement, after an `@`.
 */
function headOf(message: Message, queues: readonly Subscription[], headers: boolean): string {
  const { headerBytes, bodyBytes } = message;
  const withHeaders = headers && headerBytes > 0;
  const subject = message.routedByOther ? message.routingSubject : message.subject;
  const said = message.reply;
  const isAcknowledged = message.routedByOther && said.startsWith(acknowledgements);
  const reply = isAcknowledged ? `${said}@${message.subject}` : said;
  const groups = queues.map(({ queue }) => `${queue} `).join("");
  const receivers =
    groups === "" ? (reply === "" ? "" : `${reply} `) : reply === "" ? `| ${groups}` : `+ ${reply} ${groups}`;
  const sizes = withHeaders ? `${headerBytes} ${bodyBytes}` : `${bodyBytes - headerBytes}`;
  return `${withHeaders ? "HMSG" : "LMSG"} ${subject} ${receivers}${sizes}\r\n`;
}

function writePrefix(target: ViewedBytes, start: number, message: Message, withHeaders: boolean): number {
  const named = writeWords(target, start, withHeaders ? headersMessage : plainMessage);
  const at = copyBytes(message.viewedSubject, message.subjectStart, message.subjectEnd, target, named);
  target.bytes[at] = 0x20;
  return at + 1;
}

/** What waits keeps all of the bytes that it is a view of. @param mayView in this pass */
function paysView(
  outbound: Outbound,
  bytes: number,
  wholeBytes: number,
  lasting: boolean,
  mayView: boolean,
): boolean {
  if (bytes < viewBytesMin) return false;
  return outbound.idle ? mayView : lasting && bytes >= wholeBytes * viewShareMin;
}

/** Where, in a reply subject that came over a link, the subject begins that receivers are to see; -1 when it does not. */
export function deliverSubjectStart(bytes: Buffer, start: number, end: number): number {
  if (end - start < acknowledgements.length || bytes[start] !== 0x24) return -1;
  if (bytes.latin1Slice(start, start + acknowledgements.length) !== acknowledgements) return -1;
  let dots = 0;
  for (let at = start; at < end - 1; at++) {
    if (bytes[at] === 0x2e) dots++;
    else if (bytes[at] === 0x40 && dots >= acknowledgementDots) return at + 1;
  }
  return -1;
}

/** Names of streams and consumers may hold an `@`; what follows the last of the numbers is the subject's. */
const acknowledgementDots = 8;
