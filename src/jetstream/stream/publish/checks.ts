/**
 * What is asked of a published message before it is stored, in the order in which nats-server asks; the first that fails
 * is what its publisher hears. Source: nats-server `processJetStreamMsgWithBatch`.
 */
import type { Clock } from "../../../base/clock.ts";
import type { Account } from "../../../broker/account.ts";
import { wireFromText } from "../../../subjects/subject.ts";
import { type MessageLog, StoredMessage, storedBytes } from "../../../store/contract.ts";
import type { ApiError } from "../../api-error.ts";
import { allowsRollup, type CurrentConfig, type StreamConfig } from "../config/stream-config.ts";
import type { Duplicates } from "./duplicates.ts";
import { checkSchedule, hasScheduleHeaders, isScheduleIn } from "../schedule/schedule-headers.ts";
import { applyIncrement, checkIncrement, isCounterTotal, lastTotal } from "./counters.ts";
import { checkExpectedMsgId, checkExpectedSeqs, checkExpectedStream } from "./expectations.ts";
import type { InboundMessage } from "../message/inbound-message.ts";
import { field } from "../message/message-headers.ts";
import { parseMessageTtl } from "../message/message-ttl.ts";
import { refusals, rollupFailed, storeFailed } from "../message/refusals.ts";

const headerBytesMax = 65_535;
/** A record of nats-server's file store; what it cannot keep is refused here too. */
const recordBytesMax = 32 * 1024 * 1024;

/** What a message is checked against. */
export interface CheckedState {
  readonly log: MessageLog;
  readonly current: CurrentConfig;
  readonly duplicates: Duplicates;
  readonly clock: Clock;
  /** Whose largest payload is that of counters, too. */
  readonly account: Account;
}

export class Checks {
  readonly #state: CheckedState;
  readonly #stored = new StoredMessage();
  /** Of the message that was asked about last: what it is a duplicate of; 0 for none. */
  duplicateOf = 0;
  #name = "";
  #messageBytesMax = Infinity;

  constructor(state: CheckedState) {
    this.#state = state;
    this.onUpdated();
  }

  onUpdated(): void {
    const { config } = this.#state.current;
    this.#name = wireFromText(config.name);
    this.#messageBytesMax = messageBytesMaxOf(config);
  }

  /** A plain publish. Null when it may be stored, or {@link duplicateOf} is set. */
  check(inbound: InboundMessage): ApiError | null {
    this.duplicateOf = 0;
    const { log, current } = this.#state;
    const { config } = current;
    if (!fitsRecord(log, inbound)) return storeFailed("message too large");
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
    return checkSize(inbound, this.#messageBytesMax);
  }

  #checkHeaders(inbound: InboundMessage, isCounterStream: boolean): ApiError | null {
    const { headers } = inbound;
    const { log, current, duplicates } = this.#state;
    const refusal =
      checkIncrement(inbound, isCounterStream) ??
      checkExpectedStream(inbound, this.#name) ??
      this.#checkTtlAllowed(inbound) ??
      checkExpectedSeqs(inbound, log) ??
      this.#checkSchedule(inbound);
    if (refusal !== null) return refusal;
    if (!inbound.isSourced && headers.hasValue(field.streamSource)) return refusals.sourceHeader;
    if (headers.hasValue(field.msgId) && current.config.mirror === undefined) {
      this.duplicateOf = duplicates.seqOf(headers.text(field.msgId));
      if (this.duplicateOf > 0) return null;
    }
    return checkExpectedMsgId(inbound, duplicates.lastId) ?? this.#checkRollup(inbound);
  }

  #checkTtlAllowed({ headers, isSourced }: InboundMessage): ApiError | null {
    if (isSourced || this.#state.current.config.allow_msg_ttl || !headers.hasValue(field.ttl)) return null;
    // One that cannot be read is found out later.
    const ttl = parseMessageTtl(headers.text(field.ttl)) ?? 0;
    return ttl === 0 ? null : refusals.ttlDisabled;
  }

  #checkSchedule(inbound: InboundMessage): ApiError | null {
    if (!hasScheduleHeaders(inbound)) return null;
    const { log, current, clock } = this.#state;
    return checkSchedule(inbound, current.config, clock.wallMs(), (subject) =>
      isScheduleIn(log, subject, this.#stored),
    );
  }

  #checkRollup({ headers, isSourced }: InboundMessage): ApiError | null {
    if (!headers.hasValue(field.rollup)) return null;
    if (!allowsRollup(this.#state.current.config) && !isSourced) return rollupFailed("rollup not permitted");
    const rollup = headers.text(field.rollup).toLowerCase();
    if (rollup === "sub" || rollup === "all") return null;
    return rollupFailed(`rollup value invalid: ${JSON.stringify(rollup)}`);
  }

  #checkCounter(inbound: InboundMessage): ApiError | null {
    if (inbound.increment === null) return refusals.counterMissing;
    const { log, account } = this.#state;
    const before = lastTotal(log, inbound.subject);
    if (!isCounterTotal(before)) return before;
    const after = applyIncrement(inbound, before);
    if (!isCounterTotal(after)) return after;
    const payloadMax = account.limits.maxPayloadBytes;
    if (payloadMax >= 0 && inbound.bodyBytes > payloadMax) return refusals.messageTooLarge;
    return this.checkSize(inbound);
  }
}

/** @param bytesMax of headers and payload */
export function checkSize(inbound: InboundMessage, bytesMax: number): ApiError | null {
  if (inbound.bodyBytes > bytesMax) return refusals.messageTooLarge;
  return inbound.headerBytes > headerBytesMax ? refusals.headerTooLarge : null;
}

export function messageBytesMaxOf({ max_msg_size: max = -1 }: StreamConfig): number {
  return max >= 0 ? max : Infinity;
}

/** Whether nats-server's file store could keep it. */
export function fitsRecord(log: MessageLog, { subject, headerBytes, payloadBytes }: InboundMessage): boolean {
  return (
    log.kind === "memory" || storedBytes("file", subject.length, headerBytes, payloadBytes) <= recordBytesMax
  );
}
