/**
 * The checks of messages that are stored as part of a batch, against the stream and what the batch itself has staged
 * before them. Their order is another than that of a plain publish. Source: nats-server
 * `checkMsgHeadersPreClusteredProposal`.
 */
import { StoredMessage, storedBytes } from "../../../store/contract.ts";
import { wireFromText } from "../../../subjects/subject.ts";
import type { ApiError } from "../../api-error.ts";
import { type CheckedState, checkSize, fitsRecord, messageBytesMaxOf } from "../publish/checks.ts";
import {
  applyIncrement,
  checkIncrement,
  type CounterTotal,
  isCounterTotal,
  lastTotal,
} from "../publish/counters.ts";
import { checkExpectedStream, lastSeqOf } from "../publish/expectations.ts";
import type { InboundMessage } from "../message/inbound-message.ts";
import { field, sequenceOf } from "../message/message-headers.ts";
import { parseMessageTtl } from "../message/message-ttl.ts";
import {
  atomicUnsupportedHeader,
  refusals,
  rollupFailed,
  storeFailed,
  wrongLastSeq,
} from "../message/refusals.ts";
import { checkSchedule, hasScheduleHeaders, isScheduleIn } from "../schedule/schedule-headers.ts";
import { allowsRollup } from "../config/stream-config.ts";

interface StagedSubject {
  count: number;
  isSchedule: boolean;
}

const headerBytesMax = 65_535;

export class StagedChecks {
  /** What the message that was refused last is a duplicate of; 0 for none. */
  duplicateOf = 0;
  readonly #state: CheckedState;
  readonly #stored = new StoredMessage();
  readonly #ids = new Set<string>();
  readonly #counters = new Map<string, CounterTotal>();
  readonly #subjects = new Map<string, StagedSubject>();
  /** By subject: the last sequence that was expected and found. */
  readonly #expected = new Map<string, number>();
  #count = 0;
  #bytes = 0;

  constructor(state: CheckedState) {
    this.#state = state;
  }

  /** Null when it may be stored; then it counts as staged. May change headers and payload. */
  check(inbound: InboundMessage): ApiError | null {
    this.duplicateOf = 0;
    const { current, log } = this.#state;
    const isCounterStream = current.config.allow_msg_counter === true;
    if (!fitsRecord(log, inbound)) return storeFailed("message too large");
    const isSchedule = inbound.headers.hasValue(field.schedule);
    const refusal =
      this.#checkHead(inbound, isCounterStream) ??
      (isCounterStream ? this.#checkCounter(inbound) : null) ??
      this.#checkSeqs(inbound) ??
      this.#checkSchedule(inbound) ??
      this.#checkRollup(inbound);
    return refusal ?? this.#stage(inbound, isSchedule);
  }

  /** Those of a whole batch. @returns why none of them may be stored */
  checkAll(batch: readonly InboundMessage[]): ApiError | null {
    for (const message of batch) {
      if (message.headers.hasValue(field.expectedLastMsgId))
        return atomicUnsupportedHeader("Nats-Expected-Last-Msg-Id");
      const refusal = this.check(message);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  /** What is staged will count for. */
  get bytes(): number {
    return this.#bytes;
  }

  #checkHead(inbound: InboundMessage, isCounterStream: boolean): ApiError | null {
    const { headers } = inbound;
    if (inbound.headerBytes > headerBytesMax) return refusals.headerTooLarge;
    if (headers.isEmpty) return null;
    const refusal =
      checkIncrement(inbound, isCounterStream) ??
      checkExpectedStream(inbound, wireFromText(this.#state.current.config.name)) ??
      this.#checkTtl(inbound) ??
      this.#checkId(inbound);
    if (refusal !== null) return refusal;
    return headers.hasValue(field.streamSource) ? refusals.sourceHeader : null;
  }

  #checkTtl({ headers }: InboundMessage): ApiError | null {
    const ttl = parseMessageTtl(headers.text(field.ttl));
    if (ttl === 0) return null;
    if (!this.#state.current.config.allow_msg_ttl) return refusals.ttlDisabled;
    return ttl === null ? refusals.ttlInvalid : null;
  }

  #checkId({ headers }: InboundMessage): ApiError | null {
    if (!headers.hasValue(field.msgId)) return null;
    const id = headers.text(field.msgId);
    if (this.#ids.has(id)) return refusals.atomicDuplicate;
    this.duplicateOf = this.#state.duplicates.seqOf(id);
    if (this.duplicateOf > 0) return refusals.atomicDuplicate;
    this.#ids.add(id);
    return null;
  }

  #checkCounter(inbound: InboundMessage): ApiError | null {
    if (inbound.increment === null) return refusals.counterMissing;
    const { log, account, current } = this.#state;
    const { subject } = inbound;
    const before = this.#counters.get(subject) ?? lastTotal(log, subject);
    if (!isCounterTotal(before)) return before;
    const after = applyIncrement(inbound, before);
    if (!isCounterTotal(after)) return after;
    const payloadMax = account.limits.maxPayloadBytes;
    if (payloadMax >= 0 && inbound.bodyBytes > payloadMax) return refusals.messageTooLarge;
    const refusal = checkSize(inbound, messageBytesMaxOf(current.config));
    if (refusal === null) this.#counters.set(subject, after);
    return refusal;
  }

  #checkSeqs({ headers, subject }: InboundMessage): ApiError | null {
    const { log } = this.#state;
    if (headers.hasValue(field.expectedLastSeq)) {
      const lastSeq = log.state.lastSeq + this.#count;
      if (sequenceOf(headers.text(field.expectedLastSeq)) !== lastSeq) return wrongLastSeq(lastSeq);
      if (this.#count > 0) return refusals.wrongLastSeqConstant;
    }
    const other = headers.text(field.expectedLastSubjectSeqSubject);
    if (!headers.hasValue(field.expectedLastSubjectSeq))
      return other === "" ? null : refusals.subjectSeqMissing;
    const asked = other === "" ? subject : other;
    // What the batch itself has written there has no sequence yet.
    if (this.#subjects.has(asked)) return refusals.wrongLastSeqConstant;
    const seq = this.#expected.get(asked) ?? lastSeqOf(log, asked);
    if (sequenceOf(headers.text(field.expectedLastSubjectSeq)) !== seq) return wrongLastSeq(seq);
    this.#expected.set(asked, seq);
    return null;
  }

  #checkSchedule(inbound: InboundMessage): ApiError | null {
    if (!hasScheduleHeaders(inbound)) return null;
    const { clock, current, log } = this.#state;
    return checkSchedule(
      inbound,
      current.config,
      clock.wallMs(),
      (subject) => this.#subjects.get(subject)?.isSchedule ?? isScheduleIn(log, subject, this.#stored),
    );
  }

  #checkRollup({ headers, subject }: InboundMessage): ApiError | null {
    if (!headers.hasValue(field.rollup)) return null;
    if (!allowsRollup(this.#state.current.config)) return rollupFailed("rollup not permitted");
    const rollup = headers.text(field.rollup).toLowerCase();
    if (rollup === "sub")
      return this.#subjects.has(subject) ? rollupFailed("batch rollup sub invalid") : null;
    if (rollup === "all") return this.#count > 0 ? rollupFailed("batch rollup all invalid") : null;
    return rollupFailed(`rollup value invalid: ${JSON.stringify(rollup)}`);
  }

  #stage(inbound: InboundMessage, isSchedule: boolean): ApiError | null {
    const { log } = this.#state;
    const { subject, headerBytes, payloadBytes } = inbound;
    let staged = this.#subjects.get(subject);
    if (staged === undefined) this.#subjects.set(subject, (staged = { count: 0, isSchedule }));
    staged.count++;
    staged.isSchedule = isSchedule;
    this.#count++;
    this.#bytes += storedBytes(log.kind, subject.length, headerBytes, payloadBytes);
    return this.#checkQuota(inbound, staged.count);
  }

  /** Where new messages are discarded, a batch that does not fit as a whole is refused. */
  #checkQuota({ subject, headers }: InboundMessage, countOfSubject: number): ApiError | null {
    const { current, log } = this.#state;
    const { config } = current;
    if (config.discard !== "new") return null;
    const { messages, bytes } = log.state;
    if (config.max_msgs > 0 && messages + this.#count > config.max_msgs)
      return storeFailed("maximum messages exceeded");
    if (config.max_bytes > 0 && bytes + this.#bytes > config.max_bytes)
      return storeFailed("maximum bytes exceeded");
    const isLimited = config.discard_new_per_subject === true && config.max_msgs_per_subject > 0;
    if (!isLimited || headers.hasValue(field.rollup)) return null;
    const count = (log.subject(subject)?.count ?? 0) + countOfSubject;
    return count > config.max_msgs_per_subject ? storeFailed("maximum messages per subject exceeded") : null;
  }
}
