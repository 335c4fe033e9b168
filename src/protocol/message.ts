/**
 * A message on its way through the broker: offsets into bytes that somebody else owns.
 *
 * **Lifetime.** The bytes are valid until the `deliver` they are handed to returns; whoever keeps them copies them,
 * unless {@link Message.stable} is set: then nobody will write to them again and a view may be kept. That is said of
 * `bytes`; the bytes that the subject is in are not to be kept in any case.
 *
 * **Canonical form.** `bytes[tailStart, bodyEnd + 2)` is exactly `[reply ]<sizes>\r\n<headers><payload>\r\n`, with
 * single blanks and no leading zeros. It is the end of a PUB line and of a MSG line alike, so a delivery is a short
 * prefix and one copy. Whoever fills a message in guarantees this (the parser re-encodes lines that differ).
 */
import { CR, emptyBytes, LF, SPACE, viewBytes, type ViewedBytes } from "../base/bytes.ts";
import { writeNumber } from "../base/digits.ts";

export class Message {
  /** Holds everything but, after a mapping, the subject. */
  viewed: ViewedBytes = viewBytes(emptyBytes);
  /** The subject that receivers see is in here. */
  viewedSubject: ViewedBytes = this.viewed;
  subjectStart = 0;
  subjectEnd = 0;
  /** Equal when there is no reply subject. */
  replyStart = 0;
  replyEnd = 0;
  tailStart = 0;
  /** Length of the header block at the start of the body; 0 without headers. */
  headerBytes = 0;
  bodyStart = 0;
  bodyEnd = 0;
  /** Whether a view of `bytes` may outlive the delivery. */
  stable = false;
  /**
   * Unless it is stable, its bytes are no read chunk, which stays as it is until its pass is over and longer if somebody
   * asks for that, but memory that its owner writes to again at once: no view of it may be queued at all.
   */
  isScratch = false;
  /** Set while receivers are found by another subject than the one they see; see `Router.route`. */
  routedByOther = false;
  /** What receivers are found by then, as a wire string. */
  routingSubject = "";
  /**
   * The tail for receivers without headers, made by the first of them: `[reply ]<payload size>\r\n<payload>\r\n`.
   * Null until then; reset with every message.
   */
  plainTail: ViewedBytes | null = null;

  get bytes(): Buffer {
    return this.viewed.bytes;
  }

  get subjectBytes(): Buffer {
    return this.viewedSubject.bytes;
  }

  /** The message is in `bytes`, subject and all. Messages mostly share a chunk, and so its view. */
  setBytes(bytes: Buffer): void {
    if (this.viewed.bytes !== bytes) this.viewed = viewBytes(bytes);
    this.viewedSubject = this.viewed;
  }

  /** Receivers see this subject instead of the one that was published to. */
  setSubject(subject: string): void {
    this.viewedSubject = viewBytes(Buffer.from(subject, "latin1"));
    this.subjectStart = 0;
    this.subjectEnd = subject.length;
  }

  get subject(): string {
    return this.viewedSubject.bytes.latin1Slice(this.subjectStart, this.subjectEnd);
  }

  get reply(): string {
    return this.viewed.bytes.latin1Slice(this.replyStart, this.replyEnd);
  }

  get hasReply(): boolean {
    return this.replyEnd > this.replyStart;
  }

  /** Headers and payload, as counted by limits and statistics. */
  get bodyBytes(): number {
    return this.bodyEnd - this.bodyStart;
  }
}

/** Fills `message` in from parts, in canonical form and in bytes of its own. Subjects are wire strings. */
export function composeMessage(
  message: Message,
  subject: string,
  reply: string,
  headers: Uint8Array | null,
  payload: Uint8Array,
): Message {
  const headerBytes = headers === null ? 0 : headers.length;
  const total = headerBytes + payload.length;
  const replyPart = reply === "" ? "" : `${reply} `;
  const sizes = headerBytes === 0 ? `${total}\r\n` : `${headerBytes} ${total}\r\n`;
  const line = `${subject} ${replyPart}${sizes}`;
  const bytes = Buffer.allocUnsafe(line.length + total + 2);
  bytes.latin1Write(line, 0, line.length);
  if (headers !== null) bytes.set(headers, line.length);
  bytes.set(payload, line.length + headerBytes);
  bytes[line.length + total] = CR;
  bytes[line.length + total + 1] = LF;
  message.setBytes(bytes);
  message.subjectStart = 0;
  message.subjectEnd = subject.length;
  message.tailStart = subject.length + 1;
  message.replyStart = message.tailStart;
  message.replyEnd = message.tailStart + reply.length;
  message.headerBytes = headerBytes;
  message.bodyStart = line.length;
  message.bodyEnd = line.length + total;
  message.stable = true;
  message.plainTail = null;
  return message;
}

/** Writes what stands between the last subject and the body, ` [<headerBytes> ]<bodyBytes>\r\n`, at `at`. @returns the position after it */
export function writeSizes(bytes: Buffer, at: number, headerBytes: number, bodyBytes: number): number {
  let position = at;
  if (headerBytes > 0) {
    bytes[position++] = SPACE;
    position = writeNumber(bytes, position, headerBytes);
  }
  bytes[position++] = SPACE;
  position = writeNumber(bytes, position, bodyBytes);
  bytes[position++] = CR;
  bytes[position++] = LF;
  return position;
}

/** The tail without headers: made once for a message, by the first receiver that needs it. */
export function plainTailOf(message: Message): ViewedBytes {
  if (message.plainTail !== null) return message.plainTail;
  const payloadStart = message.bodyStart + message.headerBytes;
  const reply = message.hasReply ? `${message.reply} ` : "";
  const line = `${reply}${message.bodyEnd - payloadStart}\r\n`;
  const tail = Buffer.allocUnsafe(line.length + message.bodyEnd + 2 - payloadStart);
  tail.latin1Write(line, 0, line.length);
  message.bytes.copy(tail, line.length, payloadStart, message.bodyEnd + 2);
  message.plainTail = viewBytes(tail);
  return message.plainTail;
}
