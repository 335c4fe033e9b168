/**
 * What is asked of a published message before it is stored, in the order in which nats-server asks; the first that fails
 * is what its publisher hears. Source: nats-server `processJetStreamMsgWithBatch`.
 */
import { wireFromText } from "../../../subjects/subject.ts";
import { type MessageLog, StoredMessage, storedBytes } from "../../../store/contract.ts";
import type { ApiError } from "../../api-error.ts";
import { checkSchedule, hasScheduleHeaders, isScheduleIn } from "../schedule/schedule-headers.ts";
import type { Stream } from "../stream.ts";
import { applyIncrement, checkIncrement, isCounterTotal, lastTotal } from "./counters.ts";
import { checkExpectedMsgId, checkExpectedSeqs, checkExpectedStream } from "./expectations.ts";
import type { InboundMessage } from "../message/inbound-message.ts";
import { field } from "../message/message-headers.ts";
import { parseMessageTtl } from "../message/message-ttl.ts";
import { refusals, rollupFailed, storeFailed } from "../message/refusals.ts";

const headerBytesMax = 65_535;
/** A record of nats-server's file store; what it cannot keep is refused here too. */
const recordBytesMax = 32 * 1024 * 1024;

export class Checks {
  readonly #stream: Stream;
  readonly #stored = new StoredMessage();
  /** Of the message that was asked about last: what it is a duplicate of; 0 for none. */
  duplicateOf = 0;
  #name = "";
  #messageBytesMax = Infinity;

  constructor(stream: Stream) {
    this.#stream = stream;
    this.onUpdated();
  }

  onUpdated(): void {
    const { config } = this.#stream;
    this.#name = wireFromText(config.name);
    const max = config.max_msg_size ?? -1;
    this.#messageBytesMax = max >= 0 ? max : Infinity;
  }

  /** A plain publish. Null when it may be stored, or {@link duplicateOf} is set. */
  check(inbound: InboundMessage): ApiError | null {
    this.duplicateOf = 0;
    const { config } = this.#stream;
    if (!fitsRecord(this.#stream.log, inbound)) return storeFailed("message too large");
    if (config.sealed) return refusals.sealed;
    const isCounterStream = config.allow_msg_counter === true;
    if (inbound.headerBytes === 0) {
      if (inbound.bodyBytes > this.#messageBytesMax) return refusals.messageTooLarge;
      return isCounterStream ? refusals.counterMissing : null;
    }
    const tooLarge = this.checkSize(inbound);
    if (tooLarge !== null) return tooLarge;
    if (inbound.headers.isEmpty) return isCounterStream ? refusals.counterMissing : null;
    const refusal = this.#checkHeaders(inbound, isCounterStream);
    if (refusal !== null || this.duplicateOf > 0) return refusal;
    return isCounterStream ? this.#checkCounter(inbound) : this.checkSize(inbound);
  }

  /** Of what is to be stored, headers and all. */
  checkSize(inbound: InboundMessage): ApiError | null {
    if (inbound.bodyBytes > this.#messageBytesMax) return refusals.messageTooLarge;
    return inbound.headerBytes > headerBytesMax ? refusals.headerTooLarge : null;
  }

  #checkHeaders(inbound: InboundMessage, isCounterStream: boolean): ApiError | null {
    const { headers } = inbound;
    const stream = this.#stream;
    const refusal =
      checkIncrement(inbound, isCounterStream) ??
      checkExpectedStream(inbound, this.#name) ??
      this.#checkTtlAllowed(inbound) ??
      checkExpectedSeqs(inbound, stream.log) ??
      this.#checkSchedule(inbound);
    if (refusal !== null) return refusal;
    if (!inbound.isSourced && headers.hasValue(field.streamSource)) return refusals.sourceHeader;
    if (headers.hasValue(field.msgId) && stream.config.mirror === undefined) {
      this.duplicateOf = stream.publishHandler.duplicates.seqOf(headers.text(field.msgId));
      if (this.duplicateOf > 0) return null;
    }
    return checkExpectedMsgId(inbound, stream.publishHandler.lastMsgId) ?? this.#checkRollup(inbound);
  }

  #checkTtlAllowed({ headers, isSourced }: InboundMessage): ApiError | null {
    if (isSourced || this.#stream.config.allow_msg_ttl || !headers.hasValue(field.ttl)) return null;
    // One that cannot be read is found out later.
    const ttl = parseMessageTtl(headers.text(field.ttl)) ?? 0;
    return ttl === 0 ? null : refusals.ttlDisabled;
  }

  #checkSchedule(inbound: InboundMessage): ApiError | null {
    if (!hasScheduleHeaders(inbound)) return null;
    const { host, config, log } = this.#stream;
    return checkSchedule(inbound, config, host.clock.wallMs(), (subject) =>
      isScheduleIn(log, subject, this.#stored),
    );
  }

  #checkRollup({ headers, isSourced }: InboundMessage): ApiError | null {
    if (!headers.hasValue(field.rollup)) return null;
    if (!this.#stream.allowsRollup && !isSourced) return rollupFailed("rollup not permitted");
    const rollup = headers.text(field.rollup).toLowerCase();
    if (rollup === "sub" || rollup === "all") return null;
    return rollupFailed(`rollup value invalid: ${JSON.stringify(rollup)}`);
  }

  #checkCounter(inbound: InboundMessage): ApiError | null {
    if (inbound.increment === null) return refusals.counterMissing;
    const { log, account } = this.#stream;
    const before = lastTotal(log, inbound.subject);
    if (!isCounterTotal(before)) return before;
    const after = applyIncrement(inbound, before);
    if (!isCounterTotal(after)) return after;
    const payloadMax = account.account.limits.maxPayloadBytes;
    if (payloadMax >= 0 && inbound.bodyBytes > payloadMax) return refusals.messageTooLarge;
    return this.checkSize(inbound);
  }
}

/** Whether nats-server's file store could keep it. */
export function fitsRecord(log: MessageLog, { subject, headerBytes, payloadBytes }: InboundMessage): boolean {
  return (
    log.kind === "memory" || storedBytes("file", subject.length, headerBytes, payloadBytes) <= recordBytesMax
  );
}
