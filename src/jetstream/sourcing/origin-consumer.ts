/**
 * The way from an origin to the stream that copies it: a consumer over there, asked for through the origin's API, which
 * delivers here. It is asked for again after whatever goes wrong: no answer, an error, a message that is missing, a
 * stream that could not store one, heartbeats that do not come any more.
 *
 * Every attempt has a deliver subject of its own, so what an earlier one still sends is not heard. It is listened to when
 * the origin has answered: an origin delivers nothing where nobody listens.
 */
import { jetStreamApiLevel } from "../../base/version.ts";
import { requiredLevelHeader } from "../api-level.ts";
import type { Deadline } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Account } from "../../broker/account.ts";
import type { Publisher } from "../../broker/publisher.ts";
import type { Service } from "../../broker/service.ts";
import type { Message } from "../../protocol/message.ts";
import type { Subscription } from "../../broker/subscriber.ts";
import { encodeHeaders, headerValue } from "../../protocol/headers.ts";
import { isFlowControlReply } from "../../subjects/reserved.ts";
import { wireFromText } from "../../subjects/subject.ts";
import type { StreamSource } from "../stream/config/stream-config.ts";
import type { CommitGatedReplies } from "../commit-gated-replies.ts";
import type { PassScheduler } from "../host.ts";
import { DeliveredReply } from "./delivered-reply.ts";
import { deliverSubject, originApi } from "./origin-names.ts";
import {
  consumerRequest,
  type OriginAnswer,
  type OriginStart,
  parseAnswer,
  resetRequest,
} from "./origin-request.ts";

/** How a stream speaks to its origins: in its account, under its name. */
export interface OriginChannel {
  readonly account: Account;
  readonly stream: string;
  readonly domain: string | null;
  readonly publisher: Publisher;
  readonly service: Service;
  readonly replies: CommitGatedReplies;
  readonly scheduler: PassScheduler;
  readonly log: Log;
  /** 22 characters, unique. */
  readonly nuid: () => string;
}

export interface OriginFeed {
  readonly kind: "mirror" | "source";
  readonly source: StreamSource;
  /** Of the consumer over there; always the same. */
  readonly consumerName: string;
  /** The last of the origin's sequences that is dealt with. */
  readonly originSeq: number;
  /** What the origin is known by as the stream that it was; "" before that is known, null when it does not matter. */
  readonly identity: string | null;
  /** @param identity "" when the origin does not tell */
  onIdentity(identity: string): void;
  /** The origin has gone and come again: its sequences mean something else now. */
  onRecreated(): void;
  start(): OriginStart;
  /** What comes next is behind this sequence. */
  onSkipped(seq: number): void;
  /** The next message, in order, of which `delivered` tells. @returns why it cannot be stored now; null when it is dealt with */
  onMessage(message: Message, delivered: DeliveredReply): OriginError | null;
  /** For the first time since the last one was asked for, nothing much is left to be copied. */
  onCaughtUp(): void;
}

export interface OriginError {
  readonly code: number;
  readonly err_code: number;
  readonly description: string;
}

/** Requests are at least this far apart. */
const requestGapMs = 2_000;
/** While nobody listens to the origin's API it costs little to look again, and a link that comes up is told. */
const unreachableRetryMs = 1_000;
const unreachableRetryMsMax = 5_000;
const backOffFirstMs = 2_000;
const backOffMaxMs = 30_000;
const answerWaitMs = 10_000;
/** Heartbeats come every second. */
const silenceMsMax = 5_000;
/** Longer than between two of them. */
const silenceMsMin = 2_500;
const jitterMsMax = 100;
const stalledCountMax = 3;
/** As of nats-server's `dgetCaughtUpThresh`. */
const caughtUpPending = 10;

const identityHeader = "Nats-Stream-Identity";

const errCode = {
  identityMismatch: 10225,
  requiredApiLevel: 10185,
  invalidJson: 10025,
  flowControlStalled: 10228,
} as const;

export class OriginConsumer {
  readonly #channel: OriginChannel;
  readonly #feed: OriginFeed;
  readonly #delivered = new DeliveredReply();
  #state: "stopped" | "waiting" | "asking" | "open" = "stopped";
  /** To the answer, then to what is delivered. */
  #subscription: Subscription | null = null;
  /** The next thing that happens by itself: a request, the end of waiting for an answer, a look at silence. */
  #deadline: Deadline | null = null;
  #askedMs = -Infinity;
  #heardMs: number | null = null;
  #failures = 0;
  #isSourcing = true;
  /** As the origin has it; null until it has said so. */
  #name: string | null = null;
  #consumerSeq = 0;
  #lag = 0;
  #error: OriginError | null = null;
  #isCaughtUp = false;
  #stalledReply = "";
  #stalledCount = 0;

  constructor(channel: OriginChannel, feed: OriginFeed) {
    this.#channel = channel;
    this.#feed = feed;
  }

  /** How many messages the origin had left when it was last heard of. */
  get lag(): number {
    return this.#lag;
  }

  /** Since the origin was heard of; -1: it was not yet. */
  get activeNs(): number {
    if (this.#heardMs === null) return -1;
    return Math.round((this.#channel.scheduler.clock.nowMs() - this.#heardMs) * 1e6);
  }

  get error(): OriginError | null {
    return this.#error;
  }

  start(): void {
    if (this.#state === "stopped") this.#askIn(0);
  }

  /** @param forGood the consumer over there is not needed any more, so it is deleted, unless it is its owner's */
  stop(forGood: boolean): void {
    const { source } = this.#feed;
    const name = this.#name;
    this.#cancel();
    this.#state = "stopped";
    if (!forGood || name === null || source.consumer !== undefined) return;
    const { account, publisher, scheduler } = this.#channel;
    const subject = originApi(source, `CONSUMER.DELETE.${source.name}.${name}`);
    scheduler.defer("announce", () => publisher.publish(account, subject, "", null, Buffer.alloc(0)));
  }

  /** A way to the origin may have opened: whoever waits for it, or has not heard of it lately, asks at once. */
  retryNow(): void {
    const silentMs = this.#channel.scheduler.clock.nowMs() - (this.#heardMs ?? 0);
    if (this.#state === "stopped" || (this.#state === "open" && silentMs < silenceMsMin)) return;
    this.#failures = 0;
    this.#askIn(0);
  }

  #askIn(delayMs: number): void {
    this.#cancel();
    this.#state = "waiting";
    this.#deadline = this.#channel.scheduler.after(delayMs, () => this.#ask());
  }

  /** Whatever goes wrong ends here. Called within deliveries too. */
  #again(error: OriginError | null, failed: boolean): void {
    this.#error = error;
    const sinceMs = this.#channel.scheduler.clock.nowMs() - this.#askedMs;
    let delayMs = Math.max(0, requestGapMs - sinceMs) + Math.random() * jitterMsMax;
    if (failed) delayMs += Math.min(backOffMaxMs, backOffFirstMs * 2 ** this.#failures++);
    this.#askIn(delayMs);
  }

  #ask(): void {
    const { account, publisher, scheduler, service, nuid } = this.#channel;
    const { source } = this.#feed;
    this.#cancel();
    this.#state = "asking";
    this.#askedMs = scheduler.clock.nowMs();
    const unique = nuid();
    const reply = `$JSC.R.${unique}`;
    const deliverTo = source.consumer?.deliver_subject ?? deliverSubject(source, this.#feed.kind, unique);
    this.#subscription = service.listen(account, reply, null, (message) =>
      this.#onAnswer(message, deliverTo),
    );
    const { operation, body } = this.#request(deliverTo, unique);
    const subject = originApi(source, operation);
    const headers = this.#isSourcing ? this.#requestHeaders() : null;
    if (publisher.publish(account, subject, reply, headers, body) === 0) {
      this.#error = this.#setupError(`nobody answers on ${subject}`);
      this.#askIn(Math.min(unreachableRetryMsMax, unreachableRetryMs * ++this.#failures));
      return;
    }
    this.#deadline = scheduler.after(answerWaitMs, () =>
      this.#again(this.#setupError(`no answer on ${subject}`), true),
    );
  }

  #requestHeaders(): Buffer {
    const { identity } = this.#feed;
    const level = [requiredLevelHeader, String(jetStreamApiLevel)] as const;
    return encodeHeaders(identity === null ? [level] : [level, [identityHeader, identity]]);
  }

  #request(deliverTo: string, unique: string): { operation: string; body: Buffer } {
    const { source, kind, consumerName } = this.#feed;
    const { stream, account, domain } = this.#channel;
    if (source.consumer !== undefined) return resetRequest(source, source.consumer.name ?? "");
    const prefix = kind === "mirror" ? "_nats.mirror" : "_nats.src";
    const metadata = {
      [`${prefix}.stream`]: stream,
      [`${prefix}.acc`]: account.name,
      ...(domain !== null && { [`${prefix}.domain`]: domain }),
    };
    const asked = this.#isSourcing ? consumerName : `${consumerName}_${unique}`;
    return consumerRequest(source, {
      name: asked,
      deliverTo,
      start: this.#feed.start(),
      isSourcing: this.#isSourcing,
      metadata,
    });
  }

  #onAnswer(message: Message, deliverTo: string): void {
    if (this.#state !== "asking") return;
    const answer = parseAnswer(
      message.bytes.subarray(message.bodyStart + message.headerBytes, message.bodyEnd),
    );
    if (answer === null) return this.#again(this.#setupError("invalid consumer create response"), true);
    if (answer.error !== null) return this.#onRefusal(answer.error);
    const isOwners = this.#feed.source.consumer !== undefined;
    if (isOwners && answer.ackPolicy !== "flow_control") {
      const text = `stream ${this.#feed.kind} consumer requires flow control ack policy`;
      const number = this.#feed.kind === "mirror" ? 10214 : 10217;
      return this.#again({ code: 400, err_code: number, description: text }, true);
    }
    const block = message.bytes.subarray(message.bodyStart, message.bodyStart + message.headerBytes);
    const identity = headerValue(block, identityHeader) ?? "";
    const known = this.#feed.identity ?? "";
    if (identity !== "" && known !== "" && identity !== known) return this.#onRecreated();
    this.#feed.onIdentity(identity);
    this.#open(answer, deliverTo);
  }

  #onRecreated(): void {
    this.#feed.onRecreated();
    this.#again(null, false);
  }

  #onRefusal(error: OriginError): void {
    if (error.err_code === errCode.identityMismatch) return this.#onRecreated();
    const isTooNew = error.err_code === errCode.requiredApiLevel || error.err_code === errCode.invalidJson;
    if (!isTooNew || !this.#isSourcing || this.#feed.source.consumer !== undefined)
      return this.#again(error, true);
    // An older server: from now on it is asked as it knows it.
    this.#isSourcing = false;
    this.#askIn(0);
  }

  #open(answer: OriginAnswer, deliverTo: string): void {
    const { account, scheduler, service } = this.#channel;
    this.#stopListening();
    this.#subscription = service.listenForDeliveries(account, wireFromText(deliverTo), null, (message) =>
      this.#onDelivery(message),
    );
    this.#deadline?.cancel();
    this.#state = "open";
    this.#failures = 0;
    this.#error = null;
    this.#name = answer.name;
    this.#heardMs = scheduler.clock.nowMs();
    this.#watchSilence(silenceMsMax);
    if (answer.skippedSeq > this.#feed.originSeq) this.#feed.onSkipped(answer.skippedSeq);
    this.#noteProgress(answer.pending);
  }

  #watchSilence(delayMs: number): void {
    this.#deadline = this.#channel.scheduler.after(delayMs, () => {
      const silentMs = this.#channel.scheduler.clock.nowMs() - (this.#heardMs ?? 0);
      if (silentMs >= silenceMsMax)
        this.#again(this.#setupError("the origin was not heard of any more"), false);
      else this.#watchSilence(Math.max(1, silenceMsMax - silentMs));
    });
  }

  #onDelivery(message: Message): void {
    if (isControl(message)) {
      this.#onControl(message);
      return;
    }
    const delivered = this.#delivered;
    if (!delivered.parse(message.bytes, message.replyStart, message.replyEnd)) return;
    if (delivered.consumer !== this.#name) return;
    this.#heardMs = this.#channel.scheduler.clock.nowMs();
    if (delivered.deliveries > 1) return;
    const { streamSeq, consumerSeq } = delivered;
    const isNext = consumerSeq === this.#consumerSeq + 1;
    if (streamSeq <= this.#feed.originSeq) {
      if (isNext) this.#consumerSeq = consumerSeq;
      return;
    }
    if (!isNext && streamSeq !== this.#feed.originSeq + 1) {
      if (consumerSeq > this.#consumerSeq) this.#again(null, false);
      return;
    }
    const refusal = this.#feed.onMessage(message, delivered);
    if (refusal !== null) {
      this.#again(refusal, false);
      return;
    }
    this.#consumerSeq = consumerSeq;
    this.#noteProgress(delivered.pending);
  }

  #noteProgress(pending: number): void {
    this.#lag = pending;
    this.#forgetStall();
    if (this.#isCaughtUp || pending >= caughtUpPending) return;
    this.#isCaughtUp = true;
    this.#feed.onCaughtUp();
  }

  #onControl(message: Message): void {
    this.#heardMs = this.#channel.scheduler.clock.nowMs();
    if (message.hasReply) {
      // Anybody who may publish to the deliver subject has chosen the reply, and the header below.
      if (isFlowControlReply(message.reply)) this.#answerFlowControl(message.reply);
      return;
    }
    const block = message.bytes.subarray(message.bodyStart, message.bodyEnd);
    const last = Number(headerValue(block, "Nats-Last-Consumer") ?? 0);
    if (last > 0 && last !== this.#consumerSeq) {
      this.#again(null, false);
      return;
    }
    const stalled = headerValue(block, "Nats-Consumer-Stalled");
    if (stalled === null || stalled === "") this.#forgetStall();
    else if (isFlowControlReply(stalled)) this.#onStalled(stalled);
  }

  /**
   * Goes out when everything is durable that has come before: the origin may take it as an ack.
   */
  #answerFlowControl(reply: string): void {
    const { account, replies } = this.#channel;
    const headers = encodeHeaders([
      ["Nats-Last-Consumer", String(this.#consumerSeq)],
      ["Nats-Last-Stream", String(this.#feed.originSeq)],
    ]);
    replies.publish(account, reply, Buffer.alloc(0), headers);
  }

  /** The origin has had no answer to this flow control message. */
  #onStalled(reply: string): void {
    if (reply !== this.#stalledReply) this.#stalledCount = 0;
    this.#stalledReply = reply;
    if (++this.#stalledCount === stalledCountMax) {
      const description = "stream source consumer stalled on flow control";
      this.#error = { code: 500, err_code: errCode.flowControlStalled, description };
    }
    this.#answerFlowControl(reply);
  }

  #forgetStall(): void {
    this.#stalledReply = "";
    this.#stalledCount = 0;
    if (this.#error?.err_code === errCode.flowControlStalled) this.#error = null;
  }

  #setupError(description: string): OriginError {
    return { code: 500, err_code: this.#feed.kind === "mirror" ? 10029 : 10045, description };
  }

  #stopListening(): void {
    if (this.#subscription !== null) this.#channel.service.stop(this.#subscription);
    this.#subscription = null;
  }

  #cancel(): void {
    this.#deadline?.cancel();
    this.#deadline = null;
    this.#stopListening();
    this.#consumerSeq = 0;
    this.#name = null;
    this.#forgetStall();
  }
}

/** Heartbeats and flow control: a status of 100 and nothing else. */
function isControl(message: Message): boolean {
  const { bytes, bodyStart, bodyEnd, headerBytes } = message;
  if (headerBytes < 13 || bodyEnd - bodyStart !== headerBytes) return false;
  return bytes.latin1Slice(bodyStart, bodyStart + 13) === "NATS/1.0 100 ";
}
