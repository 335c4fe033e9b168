/**
 * A message on its way into a stream, published, sourced or the stream's own: a frame that is filled in again and again, and
 * that the log takes as it is. Its bytes are those of the publisher until something in it has to change; then it gets its
 * own.
 */
import { emptyBytes, type ViewedBytes, viewBytes } from "../../../base/bytes.ts";
import type { Message } from "../../../protocol/message.ts";
import type { NewMessage } from "../../../store/contract.ts";
import { addField, dropField, dropStatus, hasStatus, setField } from "./header-block.ts";
import { LastSubject } from "./last-subject.ts";
import { field, MessageHeaders } from "./message-headers.ts";

const noBytes: ViewedBytes = viewBytes(emptyBytes);

export class InboundMessage implements NewMessage {
  /** Wire string; after the stream's transform once that was applied. */
  subject = "";
  /** Where the ack goes: `reply[replyStart, replyEnd)`, empty for nowhere. */
  reply: ViewedBytes = noBytes;
  replyStart = 0;
  replyEnd = 0;
  /** Headers and payload: `bytes[bodyStart, bodyEnd)`. */
  bytes: Buffer = emptyBytes;
  bodyStart = 0;
  bodyEnd = 0;
  headerBytes = 0;
  /** Of a mirrored message, the origin's; else 0 and the time of the pass in which it is stored. */
  seq = 0;
  timeMs = 0;
  timeNs = 0;
  messageId: string | null = null;
  expiresMs = 0;
  wakesMs = 0;
  readonly headers = new MessageHeaders();
  /** Comes from another stream, or from this one itself: what a publisher may not do was allowed already. */
  isSourced = false;
  /** Of `Nats-Incr` where it is to be applied; null without. */
  increment: bigint | null = null;
  /** The total after a counter was applied, in decimal; null when this is no counter. */
  counterTotal: string | null = null;
  readonly #lastSubject = new LastSubject();

  take(message: Message): void {
    this.#reset();
    this.subject = this.#lastSubject.textOf(message.subjectBytes, message.subjectStart, message.subjectEnd);
    this.reply = message.viewed;
    this.replyStart = message.replyStart;
    this.replyEnd = message.replyEnd;
    this.bytes = message.bytes;
    this.bodyStart = message.bodyStart;
    this.bodyEnd = message.bodyEnd;
    this.headerBytes = message.headerBytes;
    if (message.headerBytes > 0) this.#readHeaders();
  }

  /**
   * A message that another stream has delivered: what its headers ask for was checked there. Bytes as with {@link fill}.
   * @param subject wire string
   */
  takeSourced(subject: string, bytes: Buffer, bodyStart: number, bodyEnd: number, headerBytes: number): void {
    this.#reset();
    this.isSourced = true;
    this.subject = subject;
    this.replyStart = 0;
    this.replyEnd = 0;
    this.bytes = bytes;
    this.bodyStart = bodyStart;
    this.bodyEnd = bodyEnd;
    this.headerBytes = headerBytes;
    if (headerBytes > 0) this.headers.scan(bytes, bodyStart, bodyStart + headerBytes);
  }

  /** A message without anybody to answer to. Bytes stay the caller's; they are not changed. */
  fill(subject: string, headers: Uint8Array | null, payload: Uint8Array): void {
    this.#reset();
    this.subject = subject;
    this.replyStart = 0;
    this.replyEnd = 0;
    this.replace(headers, payload);
  }

  get hasReply(): boolean {
    return this.replyEnd > this.replyStart;
  }

  get replySubject(): string {
    return this.reply.bytes.latin1Slice(this.replyStart, this.replyEnd);
  }

  get bodyBytes(): number {
    return this.bodyEnd - this.bodyStart;
  }

  get payloadBytes(): number {
    return this.bodyEnd - this.bodyStart - this.headerBytes;
  }

  get headerBlock(): Buffer | null {
    if (this.headerBytes === 0) return null;
    return this.bytes.subarray(this.bodyStart, this.bodyStart + this.headerBytes);
  }

  get payload(): Buffer {
    return this.bytes.subarray(this.bodyStart + this.headerBytes, this.bodyEnd);
  }

  addHeader(name: string, value: string): void {
    this.replace(addField(this.headerBlock, name, value), this.payload);
  }

  setHeader(name: string, value: string): void {
    this.replace(setField(this.headerBlock, name, value), this.payload);
  }

  removeHeader(name: string): void {
    const block = this.headerBlock;
    if (block !== null) this.replace(dropField(block, name), this.payload);
  }

  replace(headers: Uint8Array | null, payload: Uint8Array): void {
    this.headerBytes = headers?.length ?? 0;
    this.bytes = headers === null ? Buffer.from(payload) : Buffer.concat([headers, payload]);
    this.bodyStart = 0;
    this.bodyEnd = this.bytes.length;
    if (this.headerBytes === 0) this.headers.clear();
    else this.headers.scan(this.bytes, 0, this.headerBytes);
  }

  #reset(): void {
    this.isSourced = false;
    this.seq = 0;
    this.increment = null;
    this.counterTotal = null;
    this.headers.clear();
  }

  /** A status is for clients, and who asked through a service is nobody's business here. */
  #readHeaders(): void {
    if (hasStatus(this.bytes, this.bodyStart, this.headerBytes)) {
      this.replace(dropStatus(this.headerBlock as Buffer), this.payload);
    } else this.headers.scan(this.bytes, this.bodyStart, this.bodyStart + this.headerBytes);
    if (this.headers.has(field.requestInfo)) this.removeHeader("Nats-Request-Info");
  }
}
