/** Another stream whose messages are appended to this one, with a header that says where each comes from. */
import type { Message } from "../../protocol/message.ts";
import { wireFromText } from "../../subjects/subject.ts";
import type { StreamStore } from "../../store/contract.ts";
import type { ApiError } from "../api-error.ts";
import { InboundMessage } from "../stream/message/inbound-message.ts";
import type { StreamSource } from "../stream/config/stream-config.ts";
import { type SourcingInfo, sourcingInfo } from "./sourcing-info.ts";
import { SourcingTransforms } from "./sourcing-transforms.ts";
import type { DeliveredReply } from "./delivered-reply.ts";
import { type OriginChannel, OriginConsumer, type OriginError, type OriginFeed } from "./origin-consumer.ts";
import { sourceHash, sourceIndex } from "./origin-names.ts";
import type { OriginStart } from "./origin-request.ts";
import { removePosition, writePosition } from "./position-record.ts";
import { SourceHeader, withoutForeignHeaders } from "./source-header.ts";

/** Stores what was delivered. @returns null when it is stored, or need not be; else why it can not be now */
export type StoreSourced = (message: InboundMessage) => ApiError | null;

export class Source implements OriginFeed {
  readonly kind = "source";
  readonly source: StreamSource;
  /** Wire string; see `sourceIndex`. */
  readonly index: string;
  readonly consumerName: string;
  #originSeq = 0;
  #identity = "";
  readonly #store: StreamStore;
  readonly #channel: OriginChannel;
  readonly #storeSourced: StoreSourced;
  readonly #consumer: OriginConsumer;
  readonly #transforms: SourcingTransforms;
  readonly #header: SourceHeader;
  #isBegun = false;
  #isWriteDue = false;
  readonly #message = new InboundMessage();

  /** @param sources of the stream, this one among them @param store of the stream, where its position is kept */
  constructor(
    source: StreamSource,
    sources: readonly StreamSource[],
    store: StreamStore,
    channel: OriginChannel,
    storeSourced: StoreSourced,
  ) {
    this.#store = store;
    this.#channel = channel;
    this.#storeSourced = storeSourced;
    this.source = source;
    this.index = wireFromText(sourceIndex(source));
    const { stream, account, domain } = channel;
    this.consumerName = `JS_SRC_${sourceHash(stream, account.name, domain, source, sources)}`;
    this.#transforms = new SourcingTransforms(source);
    this.#header = new SourceHeader(this.index);
    this.#consumer = new OriginConsumer(channel, this);
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
    if (forGood) removePosition(this.#store, this.index);
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
    const { account, stream, log } = this.#channel;
    log.warn(
      `Source '${this.source.name}' of stream '${account.name} > ${stream}' is another stream than it was: copied from its beginning`,
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
    const stored = Buffer.allocUnsafe(headers.length + bodyEnd - payloadStart);
    stored.latin1Write(headers, 0, headers.length);
    bytes.copy(stored, headers.length, payloadStart, bodyEnd);
    const inbound = this.#message;
    inbound.takeSourced(this.#transforms.apply(subject), stored, 0, stored.length, headers.length);
    const refusal = this.#storeSourced(inbound);
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
    this.#channel.scheduler.defer("decide", () => {
      if (!this.#isWriteDue) return;
      this.#isWriteDue = false;
      this.#write();
    });
  }

  #write(): void {
    const store = this.#store;
    writePosition(store, this.index, {
      originSeq: this.#originSeq,
      ownSeq: store.log.state.lastSeq,
      identity: this.#identity,
    });
  }
}
