/** Another stream whose messages are appended to this one, with a header that says where each comes from. */
import type { Message } from "../../protocol/message.ts";
import { wireFromText } from "../../subjects/subject.ts";
import type { StreamSource } from "../stream/config/stream-config.ts";
import { type SourcingInfo, sourcingInfo } from "./sourcing-info.ts";
import { type SourcingSink, emptyMessage } from "./sourcing-sink.ts";
import { SourcingTransforms } from "./sourcing-transforms.ts";
import type { DeliveredReply } from "./delivered-reply.ts";
import { OriginConsumer, type OriginError, type OriginFeed } from "./origin-consumer.ts";
import { sourceHash, sourceIndex } from "./origin-names.ts";
import type { OriginStart } from "./origin-request.ts";
import { removePosition, writePosition } from "./position-record.ts";
import { SourceHeader, withoutForeignHeaders } from "./source-header.ts";

export class Source implements OriginFeed {
  readonly kind = "source";
  readonly source: StreamSource;
  /** Wire string; see `sourceIndex`. */
  readonly index: string;
  readonly consumerName: string;
  #originSeq = 0;
  #identity = "";
  readonly #sink: SourcingSink;
  readonly #consumer: OriginConsumer;
  readonly #transforms: SourcingTransforms;
  readonly #header: SourceHeader;
  #isBegun = false;
  #isWriteDue = false;
  readonly #draft = emptyMessage();

  constructor(sink: SourcingSink, source: StreamSource, sources: readonly StreamSource[]) {
    this.#sink = sink;
    this.source = source;
    this.index = wireFromText(sourceIndex(source));
    const account = sink.account.account.name;
    this.consumerName = `JS_SRC_${sourceHash(sink.name, account, sink.host.domain, source, sources)}`;
    this.#transforms = new SourcingTransforms(source);
    this.#header = new SourceHeader(this.index);
    this.#consumer = new OriginConsumer(sink, this);
  }

  get originSeq(): number {
    return this.#originSeq;
  }

  get identity(): string {
    return this.#identity;
  }

  /** @param originSeq what it has copied already @param identity of the stream that it was copied from */
  begin(originSeq: number, identity: string): void {
    this.#originSeq = originSeq;
    this.#identity = identity;
    this.#isBegun = true;
    this.#writeLater();
    this.#consumer.start();
  }

  stop(forGood: boolean): void {
    this.#consumer.stop(forGood);
    this.#isWriteDue = false;
    if (forGood) removePosition(this.#sink.store, this.index);
    else if (this.#isBegun) this.#write();
    this.#isBegun = false;
  }

  retryNow(): void {
    this.#consumer.retryNow();
  }

  info(): SourcingInfo {
    return sourcingInfo(this.source, this.#consumer);
  }

  start(): OriginStart {
    const { opt_start_seq: seq = 0, opt_start_time: time } = this.source;
    if (this.#originSeq > 0)
      return { deliver_policy: "by_start_sequence", opt_start_seq: this.#originSeq + 1 };
    if (seq > 0) return { deliver_policy: "by_start_sequence", opt_start_seq: seq };
    if (time !== undefined) return { deliver_policy: "by_start_time", opt_start_time: time };
    return { deliver_policy: "all" };
  }

  onIdentity(identity: string): void {
    this.#identity = identity;
  }

  onRecreated(): void {
    const { account, host, name } = this.#sink;
    host.log.warn(
      `Source '${this.source.name}' of stream '${account.account.name} > ${name}' is another stream than it was: copied from its beginning`,
    );
    this.#originSeq = 0;
    this.#identity = "";
    this.#writeLater();
  }

  onSkipped(seq: number): void {
    this.#originSeq = seq;
  }

  onMessage(message: Message, delivered: DeliveredReply): OriginError | null {
    const { bytes, bodyStart, bodyEnd, headerBytes, subject } = message;
    const payloadStart = bodyStart + headerBytes;
    const headers = this.#headersOf(bytes.subarray(bodyStart, payloadStart), delivered.streamSeq, subject);
    const draft = this.#draft;
    draft.subject = this.#transforms.apply(subject);
    draft.bytes = Buffer.allocUnsafe(headers.length + bodyEnd - payloadStart);
    draft.bytes.latin1Write(headers, 0, headers.length);
    bytes.copy(draft.bytes, headers.length, payloadStart, bodyEnd);
    draft.bodyEnd = draft.bytes.length;
    draft.headerBytes = headers.length;
    const refusal = this.#sink.storeSourced(draft);
    if (refusal !== null) return refusal.json;
    this.#originSeq = delivered.streamSeq;
    this.#writeLater();
    return null;
  }

  onCaughtUp(): void {}

  #headersOf(block: Buffer, seq: number, subject: string): string {
    const line = this.#header.line(seq, subject, this.#identity);
    if (block.length === 0) return `NATS/1.0\r\n${line}\r\n`;
    const clean = withoutForeignHeaders(block, true) ?? block;
    const text = clean.latin1Slice(0, clean.length);
    return `${text.endsWith("\r\n\r\n") ? text.slice(0, -2) : `${text}\r\n`}${line}\r\n`;
  }

  #writeLater(): void {
    if (this.#isWriteDue) return;
    this.#isWriteDue = true;
    this.#sink.host.defer(() => {
      if (!this.#isWriteDue) return;
      this.#isWriteDue = false;
      this.#write();
    });
  }

  #write(): void {
    const { store } = this.#sink;
    writePosition(store, this.index, {
      originSeq: this.#originSeq,
      ownSeq: store.log.state.lastSeq,
      identity: this.#identity,
    });
  }
}
