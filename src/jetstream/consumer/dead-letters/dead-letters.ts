/**
 * Messages that ran out of deliveries or were terminated are put on another subject, whole, within the pass that settles
 * them and so in the same group of the store. A stream that takes that subject stores them; from there they can be put
 * back on the subjects that they came from. What `docs/jetstream-extensions.md` says of it is the contract.
 */
import { formatTimestamp } from "../../../base/timestamp.ts";
import type { Message } from "../../../protocol/message.ts";
import { parseHeaders, encodeHeaders, type HeaderField } from "../../../protocol/headers.ts";
import { StoredMessage } from "../../../store/contract.ts";
import { isReservedDestination } from "../../../subjects/reserved.ts";
import { isCoveredBy, wireFromText } from "../../../subjects/subject.ts";
import type { Stream } from "../../stream/stream.ts";
import { deadLetterPrefix, type LetterOrigin, signatureHeader, signatureOf } from "./dead-letter-origin.ts";
import type { DeliveryState } from "../state/delivery-state.ts";
import { redrive } from "./redrive.ts";

export class DeadLetters {
  readonly subjectText: string;
  /** Wire string. */
  readonly subject: string;
  readonly #origin: LetterOrigin;
  readonly #state: DeliveryState;
  readonly #stored = new StoredMessage();
  #hasWarned = false;

  /** @returns null without a subject, and for one that is reserved: it is refused, but may stand in an older store */
  static of(origin: LetterOrigin, state: DeliveryState, subjectText: string | undefined): DeadLetters | null {
    if (subjectText === undefined || isReservedDestination(wireFromText(subjectText))) return null;
    return new DeadLetters(origin, state, subjectText);
  }

  private constructor(origin: LetterOrigin, state: DeliveryState, subjectText: string) {
    this.#origin = origin;
    this.#state = state;
    this.subjectText = subjectText;
    this.subject = wireFromText(subjectText);
    const { note } = this;
    if (note !== null) this.#warn(note);
  }

  /** What is wrong with where they go, for people; null when nothing is. */
  get note(): string | null {
    const stream = this.stream;
    if (stream === null) return `no stream captures ${this.subjectText}: dead letters are kept nowhere`;
    if (stream.config.storage === "memory" && this.#origin.stream.config.storage === "file")
      return `${stream.name}, which captures ${this.subjectText}, is in memory: dead letters do not survive a restart`;
    return null;
  }

  /** The one that takes them. */
  get stream(): Stream | null {
    for (const stream of this.#origin.stream.account.streams.values())
      if ((stream.config.subjects ?? []).some((pattern) => isCoveredBy(this.subject, wireFromText(pattern))))
        return stream;
    return null;
  }

  /**
   * Called where routing is allowed.
   * @returns false when the stream there did not take it; without a stream it is published all the same
   */
  bury(seq: number, reason: string): boolean {
    const { stream } = this.#origin;
    const { host, account } = stream;
    if (!stream.log.read(seq, this.#stored)) return true;
    const keeper = this.stream;
    const before = keeper?.log.state.lastSeq ?? 0;
    const fields = this.#fields(reason);
    const { payload } = this.#stored;
    if (keeper !== null) fields.push(signatureOf(stream, keeper, fields, payload));
    host.publisher.publish(account.account, this.subject, "", encodeHeaders(fields), payload);
    if (keeper === null || keeper.log.state.lastSeq > before) return true;
    this.#warn(`${keeper.name} did not take the dead letter of message ${seq}, which is tried again`);
    return false;
  }

  /** A request to put some of them back. Called within a delivery. */
  receive(message: Message): void {
    const body = message.bytes.utf8Slice(message.bodyStart + message.headerBytes, message.bodyEnd);
    const reply = message.hasReply ? message.reply : "";
    const { host, account } = this.#origin.stream;
    const requester = host.broker.reading;
    host.defer("decide", () => {
      const answer = JSON.stringify(redrive(this.#origin, this, body, requester));
      if (reply !== "") account.replies.publish(account.account, reply, Buffer.from(answer));
    });
  }

  #fields(reason: string): HeaderField[] {
    const { stream, name } = this.#origin;
    const stored = this.#stored;
    const given = stored.headers === null ? [] : parseHeaders(stored.headers).fields;
    // What the broker acts upon must not act again.
    const kept = given
      .filter(([field]) => /^[!-9;-~]+$/.test(field))
      .map(
        ([field, value]): HeaderField => [
          field.startsWith("Nats-") ? `${deadLetterPrefix}${field}` : field,
          value,
        ],
      )
      .filter(([field]) => !ownFields.has(field));
    const stamp = { timeMs: 0, timeNs: 0 };
    stream.host.clock.stamp(stamp);
    return [
      ...kept,
      [`${deadLetterPrefix}Stream`, wireFromText(stream.name)],
      [`${deadLetterPrefix}Sequence`, String(stored.seq)],
      [`${deadLetterPrefix}Subject`, stored.subject],
      [`${deadLetterPrefix}Consumer`, wireFromText(name)],
      [`${deadLetterPrefix}Deliveries`, String(this.#state.deliveries(stored.seq))],
      [`${deadLetterPrefix}Reason`, reason],
      [`${deadLetterPrefix}Time`, formatTimestamp(stamp.timeMs, stamp.timeNs)],
    ];
  }

  #warn(text: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const { stream, name } = this.#origin;
    stream.host.log.warn(`consumer ${stream.account.account.name} > ${stream.name} > ${name}: ${text}`);
  }
}

const ownFields: ReadonlySet<string> = new Set([
  ...["Stream", "Sequence", "Subject", "Consumer", "Deliveries", "Reason", "Time"].map(
    (field) => deadLetterPrefix + field,
  ),
  signatureHeader,
]);
