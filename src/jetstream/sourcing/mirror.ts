/** A stream that is the image of another: the same sequences, times and gaps. */
import type { Message } from "../../protocol/message.ts";
import { firstSeqMax, type MessageLog } from "../../store/contract.ts";
import { InboundMessage } from "../stream/message/inbound-message.ts";
import type { StreamSource } from "../stream/config/stream-config.ts";
import type { StoreSourced } from "./source.ts";
import { type SourcingInfo, sourcingInfo } from "./sourcing-info.ts";
import { SourcingTransforms } from "./sourcing-transforms.ts";
import type { DeliveredReply } from "./delivered-reply.ts";
import { type OriginChannel, OriginConsumer, type OriginError, type OriginFeed } from "./origin-consumer.ts";
import { sourcingHash } from "./origin-names.ts";
import type { OriginStart } from "./origin-request.ts";
import { withoutForeignHeaders } from "./source-header.ts";

export class Mirror implements OriginFeed {
  readonly kind = "mirror";
  /** A mirror goes on by its sequences, whatever its origin is now. */
  readonly identity = null;
  readonly source: StreamSource;
  readonly consumerName: string;
  readonly #log: MessageLog;
  readonly #storeSourced: StoreSourced;
  readonly #consumer: OriginConsumer;
  readonly #transforms: SourcingTransforms;
  readonly #onCaughtUp: () => void;
  readonly #message = new InboundMessage();

  /** @param log that becomes the image */
  constructor(
    source: StreamSource,
    log: MessageLog,
    channel: OriginChannel,
    storeSourced: StoreSourced,
    onCaughtUp: () => void,
  ) {
    this.#log = log;
    this.#storeSourced = storeSourced;
    this.source = source;
    this.consumerName = `JS_MIRROR_${sourcingHash(channel.stream, channel.account.name, channel.domain)}`;
    this.#transforms = new SourcingTransforms(source);
    this.#onCaughtUp = onCaughtUp;
    this.#consumer = new OriginConsumer(channel, this);
  }

  get originSeq(): number {
    return this.#log.state.lastSeq;
  }

  begin(): void {
    this.#consumer.start();
  }

  stop(forGood: boolean): void {
    this.#consumer.stop(forGood);
  }

  retryNow(): void {
    this.#consumer.retryNow();
  }

  info(): SourcingInfo {
    return sourcingInfo(this.source, this.#consumer);
  }

  start(): OriginStart {
    const { messages, firstSeq, lastSeq } = this.#log.state;
    const { opt_start_seq: seq = 0, opt_start_time: time } = this.source;
    const isNew = messages === 0 && firstSeq === 0;
    if (isNew && seq > 0) return { deliver_policy: "by_start_sequence", opt_start_seq: seq };
    if (isNew && time !== undefined) return { deliver_policy: "by_start_time", opt_start_time: time };
    if (lastSeq === 0) return { deliver_policy: "all" };
    return { deliver_policy: "by_start_sequence", opt_start_seq: lastSeq + 1 };
  }

  onIdentity(): void {}

  onRecreated(): void {}

  onSkipped(seq: number): void {
    this.#log.skipTo(Math.min(seq + 1, firstSeqMax));
  }

  onMessage(message: Message, delivered: DeliveredReply): OriginError | null {
    const { bytes, bodyStart, bodyEnd, headerBytes } = message;
    const inbound = this.#message;
    inbound.takeSourced(this.#transforms.apply(message.subject), bytes, bodyStart, bodyEnd, headerBytes);
    inbound.seq = delivered.streamSeq;
    inbound.timeMs = delivered.timeMs;
    inbound.timeNs = delivered.timeNs;
    const headers = inbound.headerBlock;
    const clean = headers === null ? null : withoutForeignHeaders(headers, false);
    if (clean !== null) inbound.replace(clean.length <= emptyBlockBytes ? null : clean, inbound.payload);
    return this.#storeSourced(inbound)?.json ?? null;
  }

  onCaughtUp(): void {
    this.#onCaughtUp();
  }
}

/** `NATS/1.0\r\n\r\n`: says nothing. */
const emptyBlockBytes = 12;
