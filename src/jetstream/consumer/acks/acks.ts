/**
 * What consumers' clients say of messages they got. Acks are taken at once, within their delivery; what makes the broker
 * say or store something waits for the end of the pass, as do the answers to acks that want one.
 */
import { ZERO, NINE, DOT } from "../../../base/bytes.ts";
import { parseDuration } from "../../../base/duration.ts";
import type { Message } from "../../../protocol/message.ts";
import type { DeliveryState } from "../state/delivery-state.ts";
import type { Settlement } from "./settlement.ts";

const plus = 0x2b;
const minus = 0x2d;

interface Said {
  readonly kind: "nak" | "term" | "next";
  readonly seq: number;
  readonly consumerSeq: number;
  readonly deliveries: number;
  /** Behind the keyword. */
  readonly text: string;
  readonly reply: string;
}

export class Acks {
  readonly #state: DeliveryState;
  readonly #settlement: Settlement;
  readonly #schedule: () => void;
  readonly #onNext: (inbox: string, body: string) => void;
  #said: Said[] = [];
  #replies: string[] = [];

  /**
   * @param schedule asks for a run of the consumer
   * @param onNext an ack that asks for further messages as well, with the body of that request
   */
  constructor(
    state: DeliveryState,
    settlement: Settlement,
    schedule: () => void,
    onNext: (inbox: string, body: string) => void,
  ) {
    this.#state = state;
    this.#settlement = settlement;
    this.#schedule = schedule;
    this.#onNext = onNext;
  }

  get hasReplies(): boolean {
    return this.#replies.length > 0;
  }

  /**
   * @param start where `<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>` begins in the subject
   * @param tokensMax there are five of these at least and so many at most
   * @returns false when it is no ack subject
   */
  receive(message: Message, start: number, tokensMax: number): boolean {
    const { bytes } = message;
    const subject = message.subjectBytes;
    const end = message.subjectEnd;
    const afterDeliveries = tokenEnd(subject, start, end);
    const afterSeq = tokenEnd(subject, afterDeliveries + 1, end);
    const seq = numberOf(subject, afterDeliveries + 1, afterSeq);
    const afterConsumerSeq = tokenEnd(subject, afterSeq + 1, end);
    const consumerSeq = numberOf(subject, afterSeq + 1, afterConsumerSeq);
    const bodyStart = message.bodyStart + message.headerBytes;
    const tokens = 3 + tokenCount(subject, afterConsumerSeq, end);
    if (tokens < 5 || tokens > tokensMax) return false;
    const kind = kindOf(bytes, bodyStart, message.bodyEnd);
    const reply = message.hasReply ? message.reply : "";
    if (kind === "ack") {
      this.#schedule();
      if (this.#settle(seq, consumerSeq) && reply !== "" && seq > 0) this.#replies.push(reply);
    } else if (kind === "progress" || kind === "other") {
      if (kind === "progress") this.#settlement.waitAnew(seq);
      if (reply !== "" && seq > 0) this.#replies.push(reply);
      this.#schedule();
    } else {
      const deliveries = numberOf(subject, start, afterDeliveries);
      const text = bytes.latin1Slice(bodyStart + keywordBytes[kind], message.bodyEnd);
      this.#said.push({ kind, seq, consumerSeq, deliveries, text, reply });
      this.#schedule();
    }
    return true;
  }

  /** Carries out what had to wait. Called where routing is allowed. */
  finish(): void {
    if (this.#said.length === 0) return;
    const said = this.#said;
    this.#said = [];
    for (const each of said) this.#carryOut(each);
  }

  /** The replies of acks that were carried out, for answers once the changes that they tell of have been handed to the store. */
  takeReplies(): readonly string[] {
    const replies = this.#replies;
    if (replies.length > 0) this.#replies = [];
    return replies;
  }

  #carryOut(said: Said): void {
    const { kind, seq, consumerSeq, reply } = said;
    if (kind === "next") {
      this.#settle(seq, consumerSeq);
      if (reply !== "") this.#onNext(reply, said.text);
      return;
    }
    let replies = seq > 0;
    if (kind === "nak") this.#settlement.reject(seq, consumerSeq, said.deliveries, delayOf(said.text));
    else replies = this.#terminate(said) && replies;
    if (replies && reply !== "") this.#replies.push(reply);
  }

  #terminate({ seq, consumerSeq, deliveries, text }: Said): boolean {
    const reason = text.trim();
    if (
      this.#state.pending.has(seq) &&
      !this.#settlement.bury(seq, `terminated${reason === "" ? "" : `: ${reason}`}`)
    )
      return false;
    const replies = this.#settle(seq, consumerSeq, false);
    this.#settlement.terminated(seq, consumerSeq, deliveries, reason);
    return replies;
  }

  /** @returns whether an answer is due: not for a message that was never delivered */
  #settle(seq: number, consumerSeq: number, samples = true): boolean {
    const state = this.#state;
    if (seq >= state.nextSeq) return false;
    if (state.policy === "explicit") this.#settlement.settle(seq, samples);
    else this.#settlement.settleThrough(seq, consumerSeq);
    return true;
  }
}

const keywordBytes = { nak: 4, term: 5, next: 4 } as const;

type Kind = "ack" | "progress" | "other" | keyof typeof keywordBytes;

function kindOf(bytes: Buffer, start: number, end: number): Kind {
  const length = end - start;
  if (length === 0) return "ack";
  const first = bytes[start];
  if (first !== plus && first !== minus) return "other";
  const text = bytes.latin1Slice(start, Math.min(end, start + 5));
  if (text === "+ACK" || text === "+OK") return "ack";
  if (text.startsWith("+NXT")) return "next";
  if (text.startsWith("-NAK")) return "nak";
  if (text === "+WPI") return "progress";
  return text.startsWith("+TERM") ? "term" : "other";
}

/** Milliseconds; null: at once, also when it is not readable. */
function delayOf(text: string): number | null {
  const given = text.trim();
  if (given === "") return null;
  try {
    if (!given.startsWith("{")) return parseDuration(given);
    const { delay = 0 } = JSON.parse(given) as { delay?: unknown };
    return typeof delay === "number" ? delay / 1_000_000 : null;
  } catch {
    return null;
  }
}

function tokenEnd(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== DOT) at++;
  return at;
}

/** How many tokens begin with the dots in `bytes[start, end)`. */
function tokenCount(bytes: Buffer, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at++) if (bytes[at] === DOT) count++;
  return count;
}

/** 0 when it is not a number. */
function numberOf(bytes: Buffer, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte < ZERO || byte > NINE) return 0;
    value = value * 10 + (byte - ZERO);
  }
  return value;
}
