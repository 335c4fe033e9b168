/** A stream that is the image of another: the same sequences, times and gaps. */
import { emptyBytes } from "../../base/bytes.ts";
import type { Message } from "../../protocol/message.ts";
import type { StreamSource } from "../stream/config/stream-config.ts";
import { type SourcedMessage, type SourcingSink, emptyMessage } from "./sourcing-sink.ts";
import { type SourcingInfo, sourcingInfo } from "./sourcing-info.ts";
import { SourcingTransforms } from "./sourcing-transforms.ts";
import type { DeliveredReply } from "./delivered-reply.ts";
import { OriginConsumer, type OriginError, type OriginFeed } from "./origin-consumer.ts";
import { sourcingHash } from "./origin-names.ts";
import type { OriginStart } from "./origin-request.ts";
import { withoutForeignHeaders } from "./source-header.ts";

export class Mirror implements OriginFeed {
  readonly kind = "mirror";
  /** A mirror goes on by its sequences, whatever its origin is now. */
  readonly identity = null;
  readonly source: StreamSource;
  readonly consumerName: string;
  readonly #sink: SourcingSink;
  readonly #consumer: OriginConsumer;
  readonly #transforms: SourcingTransforms;
  readonly #onCaughtUp: () => void;
  readonly #draft = emptyMessage();

  constructor(sink: SourcingSink, source: StreamSource, onCaughtUp: () => void) {
    this.#sink = sink;
    this.source = source;
    this.consumerName = `JS_MIRROR_${sourcingHash(sink.name, sink.account.account.name, sink.host.domain)}`;
    this.#transforms = new SourcingTransforms(source);
    this.#onCaughtUp = onCaughtUp;
    this.#consumer = new OriginConsumer(sink, this);
  }

  get originSeq(): number {
    return this.#sink.store.log.state.lastSeq;
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
    const { messages, firstSeq, lastSeq } = this.#sink.store.log.state;
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
    this.#sink.skipTo(seq + 1);
  }

  onMessage(message: Message, delivered: DeliveredReply): OriginError | null {
    const draft = this.#draft;
    draft.subject = this.#transforms.apply(message.subject);
    draft.seq = delivered.streamSeq;
    draft.timeMs = delivered.timeMs;
    draft.timeNs = delivered.timeNs;
    draft.bytes = message.bytes;
    draft.bodyStart = message.bodyStart;
    draft.bodyEnd = message.bodyEnd;
    draft.headerBytes = message.headerBytes;
    if (message.headerBytes > 0) cleanHeaders(draft);
    return this.#sink.storeSourced(draft)?.json ?? null;
  }

  onCaughtUp(): void {
    this.#onCaughtUp();
  }
}

/** `NATS/1.0\r\n\r\n`: says nothing. */
const emptyBlockBytes = 12;

function cleanHeaders(draft: SourcedMessage): void {
  const headersEnd = draft.bodyStart + draft.headerBytes;
  const clean = withoutForeignHeaders(draft.bytes.subarray(draft.bodyStart, headersEnd), false);
  if (clean === null) return;
  const headers = clean.length <= emptyBlockBytes ? emptyBytes : clean;
  draft.bytes = Buffer.concat([headers, draft.bytes.subarray(headersEnd, draft.bodyEnd)]);
  draft.bodyStart = 0;
  draft.bodyEnd = draft.bytes.length;
  draft.headerBytes = headers.length;
}
